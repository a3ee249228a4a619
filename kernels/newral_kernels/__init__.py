"""The mathematics of Newral: integers in, results and certificates out.

A *kernel* plans a job as independent units of work, runs one, checks a result far cheaper than it
was computed, and folds results into an answer: see `newral_kernels.kernel.Kernel`. The kernels that
exist are found through `newral_kernels.registry`.
"""
