"""Newral's provider node: fetches work, computes it beside its owner's own work, returns it sealed.

`newral_node.agent.run_node` runs a node; `newral_node.control.request` talks to a running one.
"""
