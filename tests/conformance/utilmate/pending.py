"""The methods that are not there yet. At the end of the work the list is empty."""

PENDING: tuple[str, ...] = (
    "GETACCREC",
    "GETBUILDINGLIST",
    "GETCUSTDET",
    "GETMETER",
    "GETREADS",
    "GETREPORT",
    "GETRPTLIS",
    "GETALLRPTLIS",
    "GETSITELIST",
    "GETUTILITYUSAGE",
    "GETSITE",
    "POSTMOVEIN",
    "POSTMOVEOUT",
    "UPDATEWORKORDER",
)
