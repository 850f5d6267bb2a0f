"""Synthetic people: faces whose points, emotion and intensity are exactly known."""
