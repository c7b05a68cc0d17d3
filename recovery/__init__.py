"""What is done when something went wrong: compare the four places, repair, back up, restore."""
