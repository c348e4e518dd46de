-- Did the customer buy in the 30 days from each date on?
select
  f.*,
  exists (
    select 1 from purchases p
    where p.customer_id = f.customer_id
      and p.purchased_on >= f.as_of
      and p.purchased_on < f.as_of + interval 30 day
  ) as buys_30d
from features f
order by f.customer_id, f.as_of
