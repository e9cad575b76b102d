"""What accounts pay: their plans and offerings in time, with the rates and charges of each."""
