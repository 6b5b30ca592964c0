select
    cases.id,
    cases.name,
    cases.amount,
    {{ dbt_utils.generate_surrogate_key(['id', 'name']) }} as surrogate_key
from (
    values (1, 'a', 0.00), (2, 'a', 1.50), (3, ' ', -1.00), (4, '', 10.00), (5, null, null)
) as cases (id, name, amount)
