"""Orders of one broker as the gateway knows them: the account, the reports of each order, and the doubts."""
