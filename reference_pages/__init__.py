"""Write the pages of the documentation that are made from other files."""
