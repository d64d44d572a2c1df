"""Which pretrained models there are: an index that was made beforehand, and is read in an instant and offline."""
