"""Where a training's steps can be watched while it goes on: one file per tracker."""
