"""The model of a result, kept in its folder so that it can be run again when its files have changed or gone."""
