"""Pictures whose content is known because they were drawn: glyphs, paper, and photos of the two."""
