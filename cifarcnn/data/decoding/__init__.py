"""Files of images to pixels, by as many processes as there are cores."""
