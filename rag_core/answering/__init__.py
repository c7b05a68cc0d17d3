"""Answers made of the passages themselves: split, score, choose, quote; or say that they do not answer."""
