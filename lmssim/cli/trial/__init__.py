"""`lmssim trial`: commands of trial designs, a file each."""
