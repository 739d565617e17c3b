"""What all HTML pages have in common, and the browser that shows them."""
