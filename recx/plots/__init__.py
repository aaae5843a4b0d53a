"""One function a figure: a data frame and an Axes in, the Axes out."""
