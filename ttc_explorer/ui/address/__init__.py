"""The address of the page: what it says, and how the browser and the pages keep to it."""
