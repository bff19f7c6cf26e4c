"""Row bands become COGs: workspace, layout, overviews, seam and texture meters, tags and report facts."""
