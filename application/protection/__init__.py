"""Protection: bringing what rests on an exchange to what each position wants, the stop first."""
