"""What every training has in common: its folder, its state on disk, the device, Ctrl-C."""
