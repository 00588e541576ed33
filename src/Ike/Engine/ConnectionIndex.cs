using System.Net;
using Gateway.Ike.Sa;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Engine;

/// <summary>
/// The connections in force, found by name and by the addresses of a peer. Those that name their peer by single addresses lie under these; only the others
/// (<c>%any</c>, prefixes, ranges, names) are looked at for every peer.
/// </summary>
internal sealed class ConnectionIndex
{
    private readonly Dictionary<ConnectionName, Connection> _byName = [];
    private readonly Dictionary<IPAddress, List<(int Order, Connection Connection)>> _byRemote = [];
    private readonly List<(int Order, Connection Connection)> _wide = [];

    public ConnectionIndex(IReadOnlyList<Connection> connections)
    {
        for (var order = 0; order < connections.Count; order++)
        {
            var connection = connections[order];
            _byName.Add(connection.Name, connection);
            if (connection.RemoteAddresses.Count == 0 || connection.RemoteAddresses.Any(p => p.Single is null))
            {
                _wide.Add((order, connection));
                continue;
            }

            foreach (var address in connection.RemoteAddresses.Select(p => p.Single!).Distinct())
            {
                if (!_byRemote.TryGetValue(address, out var there)) _byRemote.Add(address, there = []);
                there.Add((order, connection));
            }
        }
    }

    public static ConnectionIndex Empty { get; } = new([]);

    public Connection? Find(ConnectionName name) => _byName.GetValueOrDefault(name);

    /// <summary>The connections that fit an IKE SA between two addresses, the best first; among equals in the order of the configuration.</summary>
    public IReadOnlyList<Connection> Between(IPAddress local, IPAddress remote)
    {
        var there = _byRemote.GetValueOrDefault(remote);
        // The gateway of many peers as a rule: one connection that takes them all.
        if (_wide.Count == 1 && there is null) return _wide[0].Connection.Match(local, remote) > 0 ? [_wide[0].Connection] : [];
        IEnumerable<(int Order, Connection Connection)> candidates = there is null ? _wide : _wide.Concat(there);
        return [.. candidates.Select(c => (c.Order, c.Connection, Score: c.Connection.Match(local, remote))).Where(c => c.Score > 0)
            .OrderByDescending(c => c.Score).ThenBy(c => c.Order).Select(c => c.Connection)];
    }
}
