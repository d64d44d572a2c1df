"""The page that a run is judged by: one HTML file, made from the run folder and nothing else."""
