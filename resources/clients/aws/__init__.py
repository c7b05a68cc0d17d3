"""Amazon's services by botocore, which comes with the extra ``aws`` and is imported at first use only."""
