"""What happened, afterwards: timelines of orders, an audit that trusts nobody, figures and pictures."""
