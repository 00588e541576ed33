using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Gateway.Host.Journal.EventStore.Contract;
using State = Gateway.Host.Journal.EventStore.Contract.MemberInfo.Types.VNodeState;

namespace Gateway.Host.Journal.EventStore;

/// <summary>
/// The nodes of the store, and which of them to speak with: the leader that gossip names, or the one that a refusing follower points to. A single named
/// node is spoken with directly. After a failure the next call looks again, and asks the failed node last.
/// </summary>
internal sealed class StoreCluster(EventStoreUri uri) : IDisposable
{
    private const string GossipRead = "event_store.client.gossip.Gossip/Read";

    private readonly SemaphoreSlim _finding = new(1, 1);
    private readonly Dictionary<StoreEndpoint, StoreNode> _nodes = [];
    private readonly Lock _gate = new();
    private StoreNode? _leader;
    private StoreNode? _reading;
    private StoreEndpoint? _failed;
    private bool _disposed;

    /// <summary>Who was spoken with last; for people.</summary>
    public StoreEndpoint? Current
    {
        get
        {
            lock (_gate) return (_leader ?? _reading)?.Endpoint;
        }
    }

    /// <summary>The node to send the next call to.</summary>
    /// <param name="leader">It must be the leader; otherwise the one that the connection string prefers.</param>
    public async ValueTask<StoreNode> FindAsync(bool leader, CancellationToken stop)
    {
        leader |= uri.NodePreference == NodePreference.Leader;
        if (Known(leader) is { } known) return known;
        await _finding.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            if (Known(leader) is { } found) return found;
            var endpoint = uri.IsCluster ? await DiscoverAsync(leader ? NodePreference.Leader : uri.NodePreference, stop).ConfigureAwait(false) : uri.Hosts[0];
            var node = Node(endpoint);
            lock (_gate)
            {
                if (leader) _leader = node;
                else _reading = node;
            }

            return node;
        }
        finally
        {
            _finding.Release();
        }
    }

    /// <summary>A call to <paramref name="node"/> failed in a way that another node, or a new look at the cluster, may mend.</summary>
    public void Leave(StoreNode node, StoreException why)
    {
        lock (_gate)
        {
            _failed = node.Endpoint;
            if (_reading == node) _reading = null;
            if (_leader != node) return;
            _leader = null;
        }

        // A follower that names the leader saves the question; when it is wrong, that one's refusal leads back to gossip.
        if (why is { Failure: StoreFailure.NotLeader, Leader: { } leader } && leader != node.Endpoint)
        {
            var next = Node(leader);
            lock (_gate) _leader ??= next;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            foreach (var node in _nodes.Values) node.Dispose();
            _nodes.Clear();
        }

        _finding.Dispose();
    }

    private StoreNode? Known(bool leader)
    {
        lock (_gate) return leader ? _leader : _reading;
    }

    private StoreNode Node(StoreEndpoint endpoint)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_nodes.TryGetValue(endpoint, out var node)) _nodes[endpoint] = node = new StoreNode(uri, endpoint);
            return node;
        }
    }

    private async Task<StoreEndpoint> DiscoverAsync(NodePreference preference, CancellationToken stop)
    {
        var why = "no node answers";
        for (var attempt = 1; ; attempt++)
        {
            foreach (var seed in await SeedsAsync(stop).ConfigureAwait(false))
            {
                try
                {
                    var members = await Node(seed).CallAsync(GossipRead, GrpcFrames.Write(new Empty()), ClusterInfo.Parser, leader: false, uri.GossipTimeout, stop).ConfigureAwait(false);
                    if (Choose(members, preference) is { } chosen) return chosen;
                    why = $"{seed} knows of no {(preference == NodePreference.Leader ? "leader" : "node that may be read from")}";
                }
                catch (StoreException e) when (e.IsPassing)
                {
                    why = e.Message;
                }
            }

            if (attempt >= uri.MaxDiscoverAttempts) throw new StoreException(StoreFailure.NotSent, GrpcStatus.Unavailable, $"The store's leader cannot be found: {why.TrimEnd('.')}.");
            await Task.Delay(uri.DiscoveryInterval, stop).ConfigureAwait(false);
        }
    }

    private async Task<IEnumerable<StoreEndpoint>> SeedsAsync(CancellationToken stop)
    {
        var seeds = uri.Hosts.ToArray();
        if (uri.Discover)
        {
            try
            {
                var addresses = await Dns.GetHostAddressesAsync(seeds[0].Host, stop).ConfigureAwait(false);
                seeds = [.. addresses.Select(a => new StoreEndpoint(a.ToString(), seeds[0].Port))];
            }
            catch (SocketException)
            {
                return [];
            }
        }

        RandomNumberGenerator.Shuffle(seeds.AsSpan());
        StoreEndpoint? failed;
        lock (_gate) failed = _failed;
        return seeds.OrderBy(s => s == failed);
    }

    private StoreEndpoint? Choose(ClusterInfo members, NodePreference preference)
    {
        var usable = members.Members.Where(m => m.IsAlive && m.HttpEndPoint is { Port: > 0 and <= 65535 } && Rank(m.State, preference) is not null).ToArray();
        if (usable.Length == 0) return null;
        RandomNumberGenerator.Shuffle(usable.AsSpan());
        StoreEndpoint? failed;
        lock (_gate) failed = _failed;
        var best = usable.OrderBy(m => Rank(m.State, preference)).ThenBy(m => failed is { } f && f.Host == m.HttpEndPoint.Address && f.Port == (int)m.HttpEndPoint.Port).First();
        return new StoreEndpoint(best.HttpEndPoint.Address, (int)best.HttpEndPoint.Port);
    }

    /// <summary>Lower is better; null = not to be used.</summary>
    private static int? Rank(State state, NodePreference preference) => (preference, state) switch
    {
        (NodePreference.Leader, State.Leader) => 0,
        (NodePreference.Leader, _) => null,
        (NodePreference.Follower, State.Follower) => 0,
        (NodePreference.ReadOnlyReplica, State.ReadOnlyReplica or State.PreReadOnlyReplica or State.ReadOnlyLeaderless) => 0,
        (NodePreference.Random, State.Leader or State.Follower or State.ReadOnlyReplica) => 0,
        (_, State.Leader or State.Follower or State.ReadOnlyReplica or State.PreReadOnlyReplica or State.ReadOnlyLeaderless) => 1,
        _ => null,
    };
}
