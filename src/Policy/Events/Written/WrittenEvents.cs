using System.Collections.Frozen;
using System.Net;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Events.Written;

/// <summary>
/// Reads the events that journals are full of, in exactly the form in which they are written; several times as fast as the serializer, which reads all else
/// and every other form of these. A test holds the two to each other. An optional member that is new in a record is only missed here: the serializer reads it then.
/// </summary>
internal static class WrittenEvents
{
    /// <summary>The event, or null: then it is the serializer's.</summary>
    private delegate GatewayEvent? Reading(ref WrittenJson json);

    private static readonly FrozenDictionary<Type, Reading> _byType = new Dictionary<Type, Reading>
    {
        [typeof(ChildSaInstalled)] = ChildInstalled,
        [typeof(ChildSaClosed)] = ChildClosed,
        [typeof(ChildSasInherited)] = ChildrenInherited,
        [typeof(IkeSaEstablished)] = IkeEstablished,
        [typeof(IkeSaClosed)] = IkeClosed,
        [typeof(LeaseGranted)] = Granted,
        [typeof(LeaseReleased)] = Released,
        [typeof(TransactionCommitted)] = Committed,
        [typeof(NatBlockAssigned)] = BlockAssigned,
        [typeof(NatBlockReleased)] = BlockReleased,
    }.ToFrozenDictionary();

    /// <summary>The event of <paramref name="row"/>; null when it is not one of these, or its data is not of that form.</summary>
    public static GatewayEvent? TryRead(EventRow row, ReadOnlySpan<byte> data, RecurringValues? recurring)
    {
        var json = new WrittenJson(data, recurring);
        if (row.Kind is not { } kind) return _byType.TryGetValue(row.Type, out var read) ? read(ref json) : null;
        if (row.Type == typeof(ItemDeleted)) return Deleted(ref json, kind);
        return kind.SpecType == typeof(RouteSpec) ? RoutePut(ref json, kind) : null;
    }

    private static ChildSaInstalled? ChildInstalled(ref WrittenJson json)
    {
        if (!(json.Is("{\"parameters\":{\"id\":"u8) && json.Number(out ulong id)
            && json.Is(",\"ike_sa\":"u8) && json.Number(out ulong ikeSa)
            && json.Is(",\"connection\":"u8) && json.Name(out var connection)
            && json.Is(",\"child\":"u8) && json.Name(out var child)
            && json.Is(",\"inbound_spi\":"u8) && json.Spi(out var inboundSpi)
            && json.Is(",\"outbound_spi\":"u8) && json.Spi(out var outboundSpi)
            && json.Is(",\"local_address\":"u8) && json.Address(out var local)
            && json.Is(",\"remote_address\":"u8) && json.Address(out var remote)))
            return null;
        UdpEncapsulation? encapsulation = null;
        if (json.Is(",\"encapsulation\":{\"local_port\":"u8))
        {
            if (!(json.Number(out ushort localPort) && json.Is(",\"remote_port\":"u8) && json.Number(out ushort remotePort) && json.Is("}"u8))) return null;
            encapsulation = new UdpEncapsulation(localPort, remotePort);
        }

        var mode = json.Is(",\"mode\":\"transport\""u8) ? SaMode.Transport : SaMode.Tunnel;
        ushort integrity = 0;
        if (!(json.Is(",\"transforms\":{\"encryption\":"u8) && json.Number(out ushort encryption)
            && json.Is(",\"key_bits\":"u8) && json.Number(out ushort keyBits)
            && json.Optional(",\"integrity\":"u8, ref integrity)
            && json.Is("},\"inbound_key\":"u8) && json.Handle(out var inboundKey)
            && json.Is(",\"outbound_key\":"u8) && json.Handle(out var outboundKey)
            && json.Is(",\"local_selectors\":"u8) && json.Selectors(out var localSelectors)
            && json.Is(",\"remote_selectors\":"u8) && json.Selectors(out var remoteSelectors)))
            return null;
        var (esn, window, copyDf, copyEcn, copyDscpOut) = (false, 64, true, true, true);
        if (!(json.Optional(",\"esn\":"u8, ref esn) && json.Optional(",\"replay_window\":"u8, ref window) && Lifetime(ref json, out var lifetime)
            && json.Optional(",\"copy_df\":"u8, ref copyDf) && json.Optional(",\"copy_ecn\":"u8, ref copyEcn) && json.Optional(",\"copy_dscp_out\":"u8, ref copyDscpOut)
            && json.Is("},\"proposal\":"u8) && json.Text(out var proposal)))
            return null;
        ulong? replaces = null;
        if (!json.Optional(",\"replaces\":"u8, ref replaces) || !json.Ends("}"u8)) return null;
        var parameters = new ChildSaParameters
        {
            Id = new ChildSaId(id),
            IkeSa = new IkeSaId(ikeSa),
            Connection = new ConnectionName(connection),
            Child = new ChildName(child),
            InboundSpi = inboundSpi,
            OutboundSpi = outboundSpi,
            LocalAddress = local,
            RemoteAddress = remote,
            Encapsulation = encapsulation,
            Mode = mode,
            Transforms = new EspTransforms(encryption, keyBits, integrity),
            InboundKey = inboundKey,
            OutboundKey = outboundKey,
            LocalSelectors = localSelectors,
            RemoteSelectors = remoteSelectors,
            Esn = esn,
            ReplayWindow = window,
            Lifetime = lifetime,
            CopyDf = copyDf,
            CopyEcn = copyEcn,
            CopyDscpOut = copyDscpOut,
        };
        return new ChildSaInstalled(parameters, proposal, replaces is { } old ? new ChildSaId(old) : null);
    }

    private static bool Lifetime(ref WrittenJson json, out SaLifetime lifetime)
    {
        lifetime = default;
        if (!json.Is(",\"lifetime\":{\"soft_bytes\":"u8)) return true;
        if (!(json.Number(out ulong softBytes) && json.Is(",\"hard_bytes\":"u8) && json.Number(out ulong hardBytes)
            && json.Is(",\"soft_packets\":"u8) && json.Number(out ulong softPackets) && json.Is(",\"hard_packets\":"u8) && json.Number(out ulong hardPackets) && json.Is("}"u8)))
            return false;
        lifetime = new SaLifetime(softBytes, hardBytes, softPackets, hardPackets);
        return true;
    }

    private static ChildSaClosed? ChildClosed(ref WrittenJson json)
    {
        var (bytesIn, bytesOut, packetsIn, packetsOut) = (0UL, 0UL, 0UL, 0UL);
        return json.Is("{\"id\":"u8) && json.Number(out ulong id)
            && json.Is(",\"ike_sa\":"u8) && json.Number(out ulong ikeSa)
            && json.Is(",\"connection\":"u8) && json.Name(out var connection)
            && json.Is(",\"child\":"u8) && json.Name(out var child)
            && json.Is(",\"reason\":"u8) && json.Text(out var reason)
            && json.Optional(",\"bytes_in\":"u8, ref bytesIn) && json.Optional(",\"bytes_out\":"u8, ref bytesOut)
            && json.Optional(",\"packets_in\":"u8, ref packetsIn) && json.Optional(",\"packets_out\":"u8, ref packetsOut)
            && json.Ends("}"u8)
            ? new ChildSaClosed(new(id), new(ikeSa), new(connection), new(child), reason, bytesIn, bytesOut, packetsIn, packetsOut)
            : null;
    }

    private static ChildSasInherited? ChildrenInherited(ref WrittenJson json) =>
        json.Is("{\"from\":"u8) && json.Number(out ulong from) && json.Is(",\"to\":"u8) && json.Number(out ulong to) && json.Ends("}"u8) ? new ChildSasInherited(new(from), new(to)) : null;

    private static IkeSaEstablished? IkeEstablished(ref WrittenJson json)
    {
        if (!(json.Is("{\"id\":"u8) && json.Number(out ulong id)
            && json.Is(",\"connection\":"u8) && json.Name(out var connection)
            && json.Is(",\"initiator\":"u8) && json.Flag(out var initiator)
            && json.Is(",\"initiator_spi\":"u8) && json.Text(out var initiatorSpi)
            && json.Is(",\"responder_spi\":"u8) && json.Text(out var responderSpi)
            && json.Is(",\"local_address\":"u8) && json.Address(out var local)
            && json.Is(",\"local_port\":"u8) && json.Number(out int localPort)
            && json.Is(",\"remote_address\":"u8) && json.Address(out var remote)
            && json.Is(",\"remote_port\":"u8) && json.Number(out int remotePort)
            && json.Is(",\"local_id\":"u8) && json.Text(out var localId)
            && json.Is(",\"remote_id\":"u8) && json.Text(out var remoteId)
            && json.Is(",\"proposal\":"u8) && json.Text(out var proposal)
            && json.Is(",\"authentication\":"u8) && json.Text(out var authentication)))
            return null;
        var (ownAuthentication, eapId, ppkId) = ((string?)null, (string?)null, (string?)null);
        var (natLocal, natRemote, slot, replaces) = (false, false, KeyHandle.None, (ulong?)null);
        return json.Optional(",\"own_authentication\":"u8, ref ownAuthentication) && json.Optional(",\"eap_id\":"u8, ref eapId) && Certificate(ref json, out var certificate)
            && json.Optional(",\"ppk_id\":"u8, ref ppkId)
            && json.Optional(",\"nat_local\":"u8, ref natLocal) && json.Optional(",\"nat_remote\":"u8, ref natRemote)
            && json.Optional(",\"slot\":"u8, ref slot) && json.Optional(",\"replaces\":"u8, ref replaces)
            && json.Ends("}"u8)
            ? new IkeSaEstablished
            {
                Id = new IkeSaId(id),
                Connection = new ConnectionName(connection),
                Initiator = initiator,
                InitiatorSpi = initiatorSpi,
                ResponderSpi = responderSpi,
                LocalAddress = local,
                LocalPort = localPort,
                RemoteAddress = remote,
                RemotePort = remotePort,
                LocalId = localId,
                RemoteId = remoteId,
                Proposal = proposal,
                Authentication = authentication,
                OwnAuthentication = ownAuthentication,
                EapId = eapId,
                Certificate = certificate,
                PpkId = ppkId,
                NatLocal = natLocal,
                NatRemote = natRemote,
                Slot = slot,
                Replaces = replaces is { } old ? new IkeSaId(old) : null,
            }
            : null;
    }

    private static bool Certificate(ref WrittenJson json, out PeerCertificate? certificate)
    {
        certificate = null;
        if (!json.Is(",\"certificate\":{\"subject\":"u8)) return true;
        if (!(json.Text(out var subject) && json.Is(",\"issuer\":"u8) && json.Text(out var issuer) && json.Is(",\"serial\":"u8) && json.Text(out var serial)
            && json.Is(",\"not_after\":"u8) && json.Time(out var notAfter) && json.Is("}"u8)))
            return false;
        certificate = new PeerCertificate(subject, issuer, serial, notAfter);
        return true;
    }

    private static IkeSaClosed? IkeClosed(ref WrittenJson json) =>
        json.Is("{\"id\":"u8) && json.Number(out ulong id) && json.Is(",\"connection\":"u8) && json.Name(out var connection) && json.Is(",\"reason\":"u8) && json.Text(out var reason) && json.Ends("}"u8)
            ? new IkeSaClosed(new(id), new(connection), reason)
            : null;

    private static LeaseGranted? Granted(ref WrittenJson json) =>
        json.Is("{\"pool\":"u8) && json.Text(out var pool) && json.Is(",\"address\":"u8) && json.Address(out var address) && json.Is(",\"identity\":"u8) && json.Text(out var identity)
        && json.Is(",\"connection\":"u8) && json.Name(out var connection) && json.Is(",\"ike_sa\":"u8) && json.Number(out ulong ikeSa) && json.Ends("}"u8)
            ? new LeaseGranted(pool, address, identity, new(connection), new(ikeSa))
            : null;

    private static LeaseReleased? Released(ref WrittenJson json) =>
        json.Is("{\"pool\":"u8) && json.Text(out var pool) && json.Is(",\"address\":"u8) && json.Address(out var address) && json.Is(",\"identity\":"u8) && json.Text(out var identity) && json.Ends("}"u8)
            ? new LeaseReleased(pool, address, identity)
            : null;

    private static TransactionCommitted? Committed(ref WrittenJson json)
    {
        var (reason, taken) = ((string?)null, 0);
        return json.Is("{\"revision\":"u8) && json.Number(out ulong revision, long.MaxValue) && json.Is(",\"changes\":"u8) && json.Number(out int changes)
            && json.Optional(",\"reason\":"u8, ref reason) && json.Optional(",\"taken\":"u8, ref taken) && json.Ends("}"u8)
            ? new TransactionCommitted((long)revision, changes, reason, taken)
            : null;
    }

    private static NatBlockAssigned? BlockAssigned(ref WrittenJson json)
    {
        string? vrf = null;
        return Block(ref json, out var rule, out var host, out var outside, out var first, out var last) && json.Optional(",\"vrf\":"u8, ref vrf) && json.Ends("}"u8)
            ? new NatBlockAssigned(rule!, host!, outside!, first, last, vrf)
            : null;
    }

    private static NatBlockReleased? BlockReleased(ref WrittenJson json)
    {
        string? vrf = null;
        return Block(ref json, out var rule, out var host, out var outside, out var first, out var last) && json.Is(",\"since\":"u8) && json.Time(out var since)
            && json.Is(",\"reason\":"u8) && json.Text(out var reason) && json.Optional(",\"vrf\":"u8, ref vrf) && json.Ends("}"u8)
            ? new NatBlockReleased(rule!, host!, outside!, first, last, since, reason, vrf)
            : null;
    }

    private static bool Block(ref WrittenJson json, out string? rule, out IPAddress? host, out IPAddress? outside, out int first, out int last)
    {
        (rule, host, outside, first, last) = (null, null, null, 0, 0);
        return json.Is("{\"rule\":"u8) && json.Text(out rule) && json.Is(",\"host\":"u8) && json.Address(out host) && json.Is(",\"outside\":"u8) && json.Address(out outside)
            && json.Is(",\"first_port\":"u8) && json.Number(out first) && json.Is(",\"last_port\":"u8) && json.Number(out last);
    }

    private static ItemDeleted? Deleted(ref WrittenJson json, ItemKind kind) =>
        json.Is("{\"name\":"u8) && json.Name(out var name) && json.Ends("}"u8) ? new ItemDeleted(new ItemKey(kind.Name, name)) : null;

    private static ItemPut? RoutePut(ref WrittenJson json, ItemKind kind)
    {
        var (via, device, blackhole) = ((IPAddress?)null, (string?)null, false);
        return json.Is("{\"name\":"u8) && json.Name(out var name) && json.Is(",\"spec\":{\"to\":"u8) && json.Prefix(out var to)
            && json.Optional(",\"via\":"u8, ref via) && json.Optional(",\"interface\":"u8, ref device) && json.Optional(",\"blackhole\":"u8, ref blackhole)
            && json.Ends("}}"u8)
            ? new ItemPut(new ItemKey(kind.Name, name), new RouteSpec { To = to, Via = via, Interface = device, Blackhole = blackhole })
            : null;
    }
}
