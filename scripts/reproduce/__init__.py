"""The experiment: what is calibration worth to an emotion classifier, on people never seen?"""
