"""Head-ends: what is asked of meters through the systems that reach them, and what they answer.

A request waits until it is sent and is closed by its answer, or by the time that passes. What is
asked of a relay is a wish until then: the newest command of a meter says where it leads, and an
older one's answer does not overrule it.
"""
