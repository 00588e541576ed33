using Gateway.Ike.Engine;
using Gateway.Policy.Items;
using Gateway.Projections;

namespace Gateway.Host.Runtime;

/// <summary>Makes the rows of <c>gateway show pools</c>, of now or of a moment that is past.</summary>
internal static class PoolViews
{
    public static IReadOnlyList<object> Rows(IEnumerable<Item> pools, string? name, LeaseBook book)
    {
        var leases = book.Leases.Values.ToLookup(l => l.Pool);
        return
        [
            .. pools.Where(i => name is null || i.Key.Name == name).OrderBy(i => i.Key.Name, StringComparer.Ordinal).Select(i => new Api.Views.PoolRow
            {
                Name = i.Key.Name,
                Addrs = ((PoolSpec)i.Spec).Addrs,
                Size = AddressPool.TryCompile(i.Key.Name, (PoolSpec)i.Spec, out var pool) ? pool.Size : 0,
                Online = leases[i.Key.Name].Count(l => l.Online),
                Offline = leases[i.Key.Name].Count(l => !l.Online),
                Leases =
                [
                    .. leases[i.Key.Name].OrderBy(l => l.Address.ToString(), StringComparer.Ordinal)
                        .Select(l => new Api.Views.LeaseRow(l.Address.ToString(), l.Identity, l.Online ? "online" : "offline", l.Since)),
                ],
            }),
        ];
    }
}
