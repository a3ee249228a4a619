"""The whole market on one machine: a supervisor and the processes it keeps running."""
