"""One function per figure, which draws a data frame on an Axes and returns the Axes."""
