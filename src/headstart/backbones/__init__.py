"""What is transferred: pretrained networks cut into ordered stages, and the sources they come from."""
