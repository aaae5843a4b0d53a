"""One function per figure, which draws a data frame on an Axes and returns the Axes.

Importing it lets matplotlib take letters of other scripts from installed fonts.
"""

from recx.plots.style import use_fonts_of_all_scripts

use_fonts_of_all_scripts()
