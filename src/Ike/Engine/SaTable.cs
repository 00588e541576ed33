using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Engine;

/// <summary>All IKE SAs: by number, by the SPI that is ours, and those that peers began by their IKE_SA_INIT request.</summary>
internal sealed class SaTable
{
    private readonly Dictionary<IkeSaId, IkeSaState> _states = [];
    private readonly Dictionary<IkeSpi, IkeSaId> _bySpi = [];
    private readonly Dictionary<InitKey, IkeSaId> _byInit = [];
    private readonly Dictionary<IkeSaId, InitKey> _inits = [];
    private readonly Dictionary<IPAddress, int> _halfOpenBySource = [];
    private readonly Dictionary<ChildSaId, (IkeSaId Owner, Spi Spi)> _children = [];
    private readonly HashSet<Spi> _spis = [];
    private readonly Dictionary<ConnectionName, SortedSet<ulong>> _byConnection = [];
    private readonly Dictionary<(Identity Local, Identity Remote), SortedSet<ulong>> _byIdentities = [];

    public int Count => _states.Count;

    /// <summary>IKE SAs that peers began and have not finished (RFC 7296 §2.6).</summary>
    public int HalfOpen { get; private set; }

    public IEnumerable<IkeSaState> All => _states.Values;

    /// <summary>The IKE SAs of a connection, oldest first, as of now.</summary>
    public List<IkeSaState> Of(ConnectionName connection) => Get(_byConnection.GetValueOrDefault(connection));

    /// <summary>The established IKE SAs between two identities, oldest first, as of now; the peer's may be a pattern.</summary>
    public List<IkeSaState> Between(Identity local, Identity remote)
    {
        if (!remote.IsPattern) return [.. Get(_byIdentities.GetValueOrDefault((local, remote.Folded()))).Where(s => s is IkeSaState.Established)];
        return [.. _states.Values.Where(s => s is IkeSaState.Established && s.Peering.LocalId == local && remote.Match(s.Peering.RemoteId) > 0).OrderBy(s => s.Peering.Id.Value)];
    }

    public int HalfOpenOf(IPAddress source) => _halfOpenBySource.GetValueOrDefault(source);

    public bool TryGet(IkeSaId id, [NotNullWhen(true)] out IkeSaState? state) => _states.TryGetValue(id, out state);

    public bool TryFind(IkeSpi ours, out IkeSaId id) => _bySpi.TryGetValue(ours, out id);

    public bool TryFind(InitKey init, out IkeSaId id) => _byInit.TryGetValue(init, out id);

    public IkeSaState? OwnerOf(ChildSaId child) => _children.TryGetValue(child, out var c) && _states.TryGetValue(c.Owner, out var state) ? state : null;

    public bool IsTaken(Spi spi) => _spis.Contains(spi);

    public bool IsTaken(IkeSpi spi) => _bySpi.ContainsKey(spi);

    /// <summary>What a repeated IKE_SA_INIT request is known by: where it comes from and all of its octets, so that nobody else's stands in its way (RFC 7296 §2.1).</summary>
    public static InitKey KeyOf(IkeInput.Datagram request)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(request.Message.Span, hash);
        return new InitKey(request.Remote, BinaryPrimitives.ReadUInt128BigEndian(hash));
    }

    /// <summary>Adds an IKE SA.</summary>
    /// <param name="init">The request that began it, when the peer did.</param>
    public void Add(IkeSaState state, InitKey? init)
    {
        var peering = state.Peering;
        _states.Add(peering.Id, state);
        Index(peering);
        _bySpi[peering.OurSpi] = peering.Id;
        if (init is { } key)
        {
            _byInit[key] = peering.Id;
            _inits[peering.Id] = key;
        }

        if (state is IkeSaState.Connecting.InitAnswered) Open(peering.Remote.Address, 1);
        if (state is IkeSaState.Established established) Adopt(peering.Id, established.Children);
    }

    /// <summary>Puts the state that a step gave in place of the one before; takes the SA out when it is gone.</summary>
    public void Update(IkeSaState before, IkeSaState after)
    {
        var id = before.Peering.Id;
        if (before is IkeSaState.Connecting.InitAnswered && after is not IkeSaState.Connecting.InitAnswered) Open(before.Peering.Remote.Address, -1);
        if (after is not IkeSaState.Gone)
        {
            _states[id] = after;
            if (IsIndexedAlike(before.Peering, after.Peering)) return;
            Unindex(before.Peering);
            Index(after.Peering);
            return;
        }

        _states.Remove(id);
        Unindex(before.Peering);
        _bySpi.Remove(before.Peering.OurSpi);
        if (_inits.Remove(id, out var key) && _byInit.GetValueOrDefault(key) == id) _byInit.Remove(key);
    }

    public void Installed(ChildSaParameters child)
    {
        _children[child.Id] = (child.IkeSa, child.InboundSpi);
        _spis.Add(child.InboundSpi);
    }

    public void Uninstalled(ChildSaId child)
    {
        if (_children.Remove(child, out var c)) _spis.Remove(c.Spi);
    }

    /// <summary>CHILD SAs belong to another IKE SA from now on.</summary>
    public void Adopt(IkeSaId owner, ValueList<ChildSa> children)
    {
        foreach (var child in children.AsSpan())
        {
            if (!child.Installed) continue;
            _children[child.Id] = (owner, child.Parameters.InboundSpi);
            _spis.Add(child.Parameters.InboundSpi);
        }
    }

    private List<IkeSaState> Get(SortedSet<ulong>? ids) => ids is null ? [] : [.. ids.Select(id => _states[new IkeSaId(id)])];

    private static bool IsIndexedAlike(Peering a, Peering b) =>
        ReferenceEquals(a, b) || (a.Connection.Name == b.Connection.Name && a.LocalId == b.LocalId && a.RemoteId == b.RemoteId);

    private void Index(Peering peering)
    {
        Put(_byConnection, peering.Connection.Name, peering.Id);
        Put(_byIdentities, (peering.LocalId, peering.RemoteId.Folded()), peering.Id);
    }

    private void Unindex(Peering peering)
    {
        Take(_byConnection, peering.Connection.Name, peering.Id);
        Take(_byIdentities, (peering.LocalId, peering.RemoteId.Folded()), peering.Id);
    }

    private static void Put<TKey>(Dictionary<TKey, SortedSet<ulong>> index, TKey key, IkeSaId id)
        where TKey : notnull
    {
        if (!index.TryGetValue(key, out var ids)) index.Add(key, ids = []);
        ids.Add(id.Value);
    }

    private static void Take<TKey>(Dictionary<TKey, SortedSet<ulong>> index, TKey key, IkeSaId id)
        where TKey : notnull
    {
        if (!index.TryGetValue(key, out var ids)) return;
        ids.Remove(id.Value);
        if (ids.Count == 0) index.Remove(key);
    }

    private void Open(IPAddress source, int change)
    {
        HalfOpen += change;
        var count = _halfOpenBySource.GetValueOrDefault(source) + change;
        if (count == 0) _halfOpenBySource.Remove(source);
        else _halfOpenBySource[source] = count;
    }
}

/// <summary>Names an IKE_SA_INIT request: its source and a hash of its octets.</summary>
internal readonly record struct InitKey(IPEndPoint Remote, UInt128 Hash);
