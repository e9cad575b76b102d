"""What passed gate meters, held against what the meters behind them measured (report 905)."""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from operator import attrgetter

from currant.usage.measured import Measured
from currant.usage.model import Gate, GatesWanted, GateUsage

_KWH = "kWh"


def held_against(
    gates: Sequence[Gate], measured: Iterable[tuple[int, Measured]], question: GatesWanted
) -> list[GateUsage]:
    """Tell what passed each gate and what was measured behind it, of registers by their site.

    `gates` are the sites behind gates, those of a gate together. What is fed in is taken off.
    """
    known: dict[int, dict[date, int]] = {gate.location_id: {} for gate in gates}
    known |= {gate.parent_id: {} for gate in gates}
    for location_id, register in measured:
        if register.register.unit != _KWH:
            continue
        days = known[location_id]
        sign = 1 if register.register.direction == "E" else -1
        for day, wh in register.by_day():
            if question.first_day <= day <= question.last_day:
                days[day] = days.get(day, 0) + sign * wh
    told = []
    for parent_id, group in groupby(gates, key=attrgetter("parent_id")):
        behind = list(group)
        gate_wh = sum(known[parent_id].values())
        sites_wh = sum(sum(known[site.location_id].values()) for site in behind)
        told.append(
            GateUsage(
                behind[0].parent_loc_id,
                behind[0].parent_site_identifier,
                gate_wh,
                len(known[parent_id]),
                sites_wh,
                gate_wh - sites_wh,
                len(behind),
                [site.loc_id for site in behind if not known[site.location_id]],
            )
        )
    return told
