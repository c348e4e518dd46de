select *
from event
join as_of on true
