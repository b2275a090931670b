"""The runbook: diagnostics, playbooks, checklists and guarded remedies."""
