"""What is done to a store as a whole, behind the requests: keys are changed, records sealed anew, checked and made findable."""
