"""What error messages say beyond the error: read once there is one, never before."""
