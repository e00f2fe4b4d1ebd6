"""A campaign imagined with volunteers that a program makes up: what policies and parameters do before people are asked.

volunteers   who they are: languages, interests, sharpness, opinions, when they come, how long they stay, when they leave
fitting      the same from a campaign's past; what the past does not tell is assumed, and told as assumed
sessions     when each of them comes and how much they would do: the same for every arm of a run
evidence     what they say of candidates, and what the product's consensus makes of it
world        claims, holds and submits on a clock, against bands as the scheduler's job writes them
planning     bands by the product's own policies
measuring    coverage and the other figures, at the same numbers of judgments for every arm
comparing    all arms and runs of a plan, with intervals
"""
