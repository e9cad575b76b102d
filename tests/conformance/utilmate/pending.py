"""The methods that are not there yet. At the end of the work the list is empty."""

PENDING: tuple[str, ...] = (
    "GETACCREC",
    "GETBUILDINGLIST",
    "GETCUSTDET",
    "GETMETER",
    "GETPRICES",
    "GETREADS",
    "GETSITELIST",
    "GETALLACCNTPP",
    "GETACCNTPRICE",
    "GETCUSTOMERPRICING",
    "GETUTILITYUSAGE",
    "GETSITE",
    "POSTMOVEIN",
    "POSTMOVEOUT",
    "POSTREAD",
    "UPDATEWORKORDER",
)
