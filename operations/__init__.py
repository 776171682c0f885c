"""Floor 2: the business of prior authorization (policies, evidence, risk, payer, PAS workflow)."""
