-- Train as of the first date, test as of the second.
select cast($train as date) as as_of
union all
select cast($test as date)
