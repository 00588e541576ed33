using System.Collections.Immutable;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Gateway.Crypto;
using Gateway.Crypto.KeyExchange;
using Gateway.Crypto.Prf;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Proposals;
using Gateway.Ike.Wire;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Sa;

/// <summary>
/// An IKE SA as the vault keeps it: all secrets and hot state, so that it goes on exactly where it stopped. Binary, with a version.
/// Only what the peer sends again by itself is left out: fragments of a message that is not whole.
/// </summary>
public static class IkeSaSnapshot
{
    /// <summary>Raised with every change of the layout; others are refused.</summary>
    public const byte Version = 7;

    private const ushort Magic = 0x494b; // "IK"

    private enum Tag : byte
    {
        Resolving = 1,
        InitSent,
        AuthSent,
        InitAnswered,
        Established,
        Replaced,
        Deleting,
    }

    /// <summary>The whole state; the caller owns the secret.</summary>
    public static Secret Encode(IkeSaState state)
    {
        using var writer = new SnapshotWriter();
        writer.UInt16(Magic);
        writer.Byte(Version);
        writer.Byte((byte)TagOf(state));
        Write(writer, state.Peering);
        writer.List(state.Timers, WriteTimer);
        switch (state)
        {
            case IkeSaState.Connecting.Resolving s:
                writer.List(s.Wanted, WriteName);
                break;
            case IkeSaState.Connecting.InitSent s:
                writer.List(s.Wanted, WriteName);
                Write(writer, s.Exchange);
                writer.Octets(s.Nonce);
                writer.Octets(s.Cookie);
                writer.UInt32((uint)s.Retries);
                Write(writer, s.Request);
                break;
            case IkeSaState.Connecting.AuthSent s:
                Write(writer, s.Channel);
                Write(writer, s.Init);
                writer.Maybe(s.Offer, Write);
                writer.List(s.Wanted, WriteName);
                LoginSnapshot.Write(writer, s.Login);
                break;
            case IkeSaState.Connecting.InitAnswered s:
                Write(writer, s.Channel);
                Write(writer, s.Init);
                LoginSnapshot.Write(writer, s.Login);
                break;
            case IkeSaState.Established s:
                Write(writer, s.Channel);
                writer.List(s.Children, Write);
                writer.Maybe(s.Task, Write);
                writer.List(s.Queue, Write);
                writer.List(s.Deferred, Write);
                writer.Bool(s.AwaitsEstate);
                writer.List(s.Doomed, static (w, spi) => w.UInt32(spi.Value));
                break;
            case IkeSaState.Replaced s:
                Write(writer, s.Channel);
                break;
            case IkeSaState.Deleting s:
                Write(writer, s.Channel);
                writer.Maybe(s.Reason, static (w, reason) => w.Text(reason));
                writer.List(s.Again, WriteName);
                break;
            default:
                throw new UnreachableException();
        }

        return writer.ToSecret();
    }

    /// <summary>Takes a state back. False with one sentence when it is damaged, of another version, or of a connection that is not there.</summary>
    public static bool TryDecode(
        ReadOnlySpan<byte> content, Func<ConnectionName, Connection?> connections, [NotNullWhen(true)] out IkeSaState? state, [NotNullWhen(false)] out string? error)
    {
        state = null;
        var reader = new SnapshotReader(content);
        if (reader.UInt16() != Magic) return Refuse("The slot holds no IKE SA.", out error);
        if (reader.Byte() is var version && version != Version) return Refuse($"The snapshot has version {version}; this gateway reads {Version}.", out error);
        var tag = (Tag)reader.Byte();
        if (ReadPeering(ref reader, connections, out var missing) is not { } peering)
            return Refuse(missing is null ? "The snapshot is damaged." : $"The connection {missing} is not configured.", out error);

        var timers = reader.List(ReadTimer).DistinctBy(t => t.Id).ToImmutableDictionary(t => t.Id, t => t.At);
        var read = Read(ref reader, tag, peering);
        state = read is not null && !reader.Failed && reader.AtEnd ? read with { Timers = timers } : null;
        if (state is null) read?.Release();
        error = state is null ? "The snapshot is damaged." : null;
        return state is not null;

        static bool Refuse(string sentence, out string? error)
        {
            error = sentence;
            return false;
        }
    }

    private static Tag TagOf(IkeSaState state) => state switch
    {
        IkeSaState.Connecting.Resolving => Tag.Resolving,
        IkeSaState.Connecting.InitSent => Tag.InitSent,
        IkeSaState.Connecting.AuthSent => Tag.AuthSent,
        IkeSaState.Connecting.InitAnswered => Tag.InitAnswered,
        IkeSaState.Established => Tag.Established,
        IkeSaState.Replaced => Tag.Replaced,
        IkeSaState.Deleting => Tag.Deleting,
        _ => throw new ArgumentException("An IKE SA that is gone has no snapshot.", nameof(state)),
    };

    private static IkeSaState? Read(ref SnapshotReader reader, Tag tag, Peering peering)
    {
        switch (tag)
        {
            case Tag.Resolving:
                return new IkeSaState.Connecting.Resolving { Peering = peering, Wanted = reader.List(ReadName) };
            case Tag.InitSent:
                var wanted = reader.List(ReadName);
                return ReadExchange(ref reader) is { } exchange
                    ? new IkeSaState.Connecting.InitSent
                    {
                        Peering = peering,
                        Wanted = wanted,
                        Exchange = exchange,
                        Nonce = reader.Octets(),
                        Cookie = reader.Octets(),
                        Retries = (int)reader.UInt32(),
                        Request = ReadOutstanding(ref reader),
                    }
                    : null;
        }

        if (ReadChannel(ref reader, peering) is not { } channel) return null;
        return tag switch
        {
            Tag.AuthSent => new IkeSaState.Connecting.AuthSent
            {
                Peering = peering,
                Channel = channel,
                Init = ReadTranscript(ref reader),
                Offer = reader.Maybe(ReadChildOffer),
                Wanted = reader.List(ReadName),
                Login = LoginSnapshot.Read(ref reader),
            },
            Tag.InitAnswered => new IkeSaState.Connecting.InitAnswered
            {
                Peering = peering,
                Channel = channel,
                Init = ReadTranscript(ref reader),
                Login = LoginSnapshot.Read(ref reader),
            },
            Tag.Established => new IkeSaState.Established
            {
                Peering = peering,
                Channel = channel,
                Children = reader.List(ReadChild),
                Task = reader.Maybe(ReadTask),
                Queue = reader.List(ReadWish),
                Deferred = reader.List(ReadWish),
                AwaitsEstate = reader.Bool(),
                Doomed = reader.List(static (ref r) => new Spi(r.UInt32())),
            },
            Tag.Replaced => new IkeSaState.Replaced { Peering = peering, Channel = channel },
            Tag.Deleting => new IkeSaState.Deleting { Peering = peering, Channel = channel, Reason = reader.Maybe(static (ref r) => r.Text()), Again = reader.List(ReadName) },
            _ => null,
        };
    }

    private static void Write(SnapshotWriter writer, Peering peering)
    {
        writer.UInt64(peering.Id.Value);
        writer.UInt128(peering.Slot.Value);
        writer.Text(peering.Connection.Name.Value);
        writer.UInt64(peering.Spis.Initiator.Value);
        writer.UInt64(peering.Spis.Responder.Value);
        writer.Bool(peering.IsInitiator);
        writer.EndPoint(peering.Local);
        writer.EndPoint(peering.Remote);
        writer.Bool(peering.Natt);
        writer.Bool(peering.NatLocal);
        writer.Bool(peering.NatRemote);
        Write(writer, peering.LocalId);
        Write(writer, peering.RemoteId);
        writer.Maybe(peering.Proposal, Write);
        writer.Bool(peering.Fragmentation);
        writer.List(peering.OwnVips, static (w, a) => w.Address(a));
        writer.List(peering.PeerVips, static (w, a) => w.Address(a));
        writer.Bool(peering.Began);
        writer.Bool(peering.Mobike);
        writer.List(peering.PeerAddresses, static (w, a) => w.Address(a));
        writer.UInt32((uint)peering.Try);
        writer.UInt64(peering.Replaces?.Value ?? 0);
        writer.UInt64(peering.Reauthenticates?.Value ?? 0);
        writer.List(peering.WantedVips, static (w, a) => w.Address(a));
        writer.Byte(peering.PeerHashes);
        writer.Bool(peering.MultipleAuth);
        writer.Bool(peering.PpkSupported);
        LoginSnapshot.Write(writer, peering.Authentication);
    }

    private static Peering? ReadPeering(ref SnapshotReader reader, Func<ConnectionName, Connection?> connections, out ConnectionName? missing)
    {
        missing = null;
        var (id, slot, name) = (new IkeSaId(reader.UInt64()), new KeyHandle(reader.UInt128()), new ConnectionName(reader.Text()));
        if (reader.Failed) return null;
        if (connections(name) is not { } connection)
        {
            missing = name;
            return null;
        }

        return new Peering
        {
            Id = id,
            Slot = slot,
            Connection = connection,
            Spis = new IkeSpiPair(new IkeSpi(reader.UInt64()), new IkeSpi(reader.UInt64())),
            IsInitiator = reader.Bool(),
            Local = reader.EndPoint(),
            Remote = reader.EndPoint(),
            Natt = reader.Bool(),
            NatLocal = reader.Bool(),
            NatRemote = reader.Bool(),
            LocalId = ReadIdentity(ref reader),
            RemoteId = ReadIdentity(ref reader),
            Proposal = reader.Maybe(ReadProposal),
            Fragmentation = reader.Bool(),
            OwnVips = reader.List(static (ref r) => r.Address()),
            PeerVips = reader.List(static (ref r) => r.Address()),
            Began = reader.Bool(),
            Mobike = reader.Bool(),
            PeerAddresses = reader.List(static (ref r) => r.Address()),
            Try = (int)reader.UInt32(),
            Replaces = reader.UInt64() is var replaces and not 0 ? new IkeSaId(replaces) : null,
            Reauthenticates = reader.UInt64() is var old and not 0 ? new IkeSaId(old) : null,
            WantedVips = reader.List(static (ref r) => r.Address()),
            PeerHashes = reader.Byte(),
            MultipleAuth = reader.Bool(),
            PpkSupported = reader.Bool(),
            Authentication = LoginSnapshot.ReadRecord(ref reader),
        };
    }

    private static void Write(SnapshotWriter writer, Channel channel)
    {
        using var material = channel.Keys.ToMaterial();
        writer.Bytes(material.Span);
        writer.UInt64(channel.NextIv);
        writer.UInt32(channel.NextRequest.Value);
        writer.Maybe(channel.Request, Write);
        writer.UInt32(channel.NextExpected.Value);
        writer.Maybe(channel.Answer, Write);
        writer.UInt64((ulong)channel.LastHeard.Milliseconds);
    }

    private static Channel? ReadChannel(ref SnapshotReader reader, Peering peering)
    {
        var material = reader.Bytes();
        if (peering.Proposal is not { } proposal || !IkeSuite.TryFrom(proposal, out var suite) || material.Length != KeyLength(suite)) return null;
        return new Channel
        {
            Keys = IkeKeys.FromMaterial(suite, material),
            NextIv = reader.UInt64(),
            NextRequest = new MessageId(reader.UInt32()),
            Request = reader.Maybe(ReadOutstanding),
            NextExpected = new MessageId(reader.UInt32()),
            Answer = reader.Maybe(static (ref r) => new Answered(new MessageId(r.UInt32()), (ExchangeType)r.Byte(), r.List(static (ref o) => o.Octets()))),
            LastHeard = new Timestamp((long)reader.UInt64()),
        };
    }

    // RFC 7296 §2.14: SK_d, SK_pi and SK_pr are of the PRF's length, the others come in pairs.
    private static int KeyLength(IkeSuite suite) =>
        (3 * PseudoRandom.OutputLength(suite.Prf)) + (2 * suite.IntegrityKeyLength) + (2 * suite.EncryptionKeyLength);

    private static void Write(SnapshotWriter writer, Outstanding request)
    {
        writer.UInt32(request.Id.Value);
        writer.Byte((byte)request.Exchange);
        writer.List(request.Datagrams, static (w, d) => w.Octets(d));
        writer.UInt32((uint)request.Sent);
    }

    private static Outstanding ReadOutstanding(ref SnapshotReader reader) =>
        new(new MessageId(reader.UInt32()), (ExchangeType)reader.Byte(), reader.List(static (ref r) => r.Octets()), (int)reader.UInt32());

    private static void Write(SnapshotWriter writer, Answered answer)
    {
        writer.UInt32(answer.Id.Value);
        writer.Byte((byte)answer.Exchange);
        writer.List(answer.Datagrams, static (w, d) => w.Octets(d));
    }

    private static void Write(SnapshotWriter writer, InitTranscript init)
    {
        writer.Octets(init.Request);
        writer.Octets(init.Response);
        writer.Octets(init.InitiatorNonce);
        writer.Octets(init.ResponderNonce);
    }

    private static InitTranscript ReadTranscript(ref SnapshotReader reader) => new(reader.Octets(), reader.Octets(), reader.Octets(), reader.Octets());

    private static void Write(SnapshotWriter writer, IKeyExchange exchange)
    {
        using var value = exchange.ExportPrivate();
        writer.UInt16((ushort)exchange.Method);
        writer.Bytes(value.Span);
    }

    private static IKeyExchange? ReadExchange(ref SnapshotReader reader)
    {
        var method = (KeyExchangeMethod)reader.UInt16();
        var value = reader.Bytes();
        if (!reader.Failed && KeyExchanges.IsSupported(method) && value.Length == KeyExchanges.SeedLength(method)) return KeyExchanges.Create(method, value);
        reader.Fail();
        return null;
    }

    private static void Write(SnapshotWriter writer, OwnTask task)
    {
        switch (task)
        {
            case OwnTask.CreatingChild t:
                writer.Byte(1);
                Write(writer, t.Offer);
                break;
            case OwnTask.RekeyingChild t:
                writer.Byte(2);
                writer.UInt64(t.Old.Value);
                Write(writer, t.Offer);
                writer.Maybe(t.Rival, static (w, rival) =>
                {
                    w.UInt64(rival.Child.Value);
                    w.Octets(rival.LowestNonce);
                });
                break;
            case OwnTask.RekeyingIke t:
                writer.Byte(3);
                writer.UInt64(t.Offer.Spi.Value);
                writer.Octets(t.Offer.Nonce);
                Write(writer, t.Offer.Exchange);
                writer.List(t.Offer.Proposals, Write);
                writer.UInt32((uint)t.Offer.Retries);
                writer.Maybe(t.Rival, static (w, rival) =>
                {
                    w.UInt64(rival.IkeSa.Value);
                    w.Octets(rival.LowestNonce);
                });
                break;
            case OwnTask.ClosingChildren t:
                writer.Byte(4);
                writer.List(t.Children, static (w, id) => w.UInt64(id.Value));
                writer.Text(t.Reason);
                break;
            case OwnTask.UpdatingAddresses t:
                writer.Byte(6);
                writer.Octets(t.Cookie);
                break;
            case OwnTask.CheckingLiveness:
                writer.Byte(5);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static OwnTask ReadTask(ref SnapshotReader reader)
    {
        switch (reader.Byte())
        {
            case 1: return new OwnTask.CreatingChild(ReadChildOffer(ref reader));
            case 2:
                return new OwnTask.RekeyingChild(new ChildSaId(reader.UInt64()), ReadChildOffer(ref reader),
                    reader.Maybe(static (ref r) => new ChildRival(new ChildSaId(r.UInt64()), r.Octets())));
            case 3:
                var (spi, nonce, exchange) = (new IkeSpi(reader.UInt64()), reader.Octets(), ReadExchange(ref reader));
                if (exchange is null) return new OwnTask.CheckingLiveness();
                var offer = new IkeOffer(spi, nonce, exchange, reader.List(ReadProposal), (int)reader.UInt32());
                return new OwnTask.RekeyingIke(offer, reader.Maybe(static (ref r) => new IkeRival(new IkeSaId(r.UInt64()), r.Octets())));
            case 4: return new OwnTask.ClosingChildren(reader.List(static (ref r) => new ChildSaId(r.UInt64())), reader.Text());
            case 5: return new OwnTask.CheckingLiveness();
            case 6: return new OwnTask.UpdatingAddresses(reader.Octets());
            default:
                reader.Fail();
                return new OwnTask.CheckingLiveness();
        }
    }

    private static void Write(SnapshotWriter writer, Wish wish)
    {
        switch (wish)
        {
            case Wish.CreateChild w:
                writer.Byte(1);
                writer.Text(w.Child.Value);
                break;
            case Wish.RekeyChild w:
                writer.Byte(2);
                writer.UInt64(w.Child.Value);
                break;
            case Wish.RekeyIke:
                writer.Byte(3);
                break;
            case Wish.CloseChild w:
                writer.Byte(4);
                writer.UInt64(w.Child.Value);
                writer.Text(w.Reason);
                break;
            case Wish.CloseIke w:
                writer.Byte(5);
                writer.Text(w.Reason);
                break;
            case Wish.UpdateAddresses:
                writer.Byte(7);
                break;
            case Wish.Reauthenticate:
                writer.Byte(8);
                break;
            case Wish.CheckLiveness:
                writer.Byte(6);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static Wish ReadWish(ref SnapshotReader reader)
    {
        switch (reader.Byte())
        {
            case 1: return new Wish.CreateChild(new ChildName(reader.Text()));
            case 2: return new Wish.RekeyChild(new ChildSaId(reader.UInt64()));
            case 3: return new Wish.RekeyIke();
            case 4: return new Wish.CloseChild(new ChildSaId(reader.UInt64()), reader.Text());
            case 5: return new Wish.CloseIke(reader.Text());
            case 6: return new Wish.CheckLiveness();
            case 7: return new Wish.UpdateAddresses();
            case 8: return new Wish.Reauthenticate();
            default:
                reader.Fail();
                return new Wish.CheckLiveness();
        }
    }

    private static void Write(SnapshotWriter writer, ChildOffer offer)
    {
        writer.Text(offer.Child.Value);
        writer.UInt32(offer.InboundSpi.Value);
        writer.Octets(offer.Nonce);
        writer.Maybe(offer.Exchange, Write);
        writer.List(offer.Proposals, Write);
        writer.List(offer.Local, Write);
        writer.List(offer.Remote, Write);
        writer.UInt32((uint)offer.Retries);
        writer.List(offer.Doomed, static (w, spi) => w.UInt32(spi.Value));
    }

    private static ChildOffer ReadChildOffer(ref SnapshotReader reader) => new(
        new ChildName(reader.Text()), new Spi(reader.UInt32()), reader.Octets(), reader.Bool() ? ReadExchange(ref reader) : null,
        reader.List(ReadProposal), reader.List(ReadSelector), reader.List(ReadSelector), (int)reader.UInt32(), reader.List(static (ref r) => new Spi(r.UInt32())));

    private static void Write(SnapshotWriter writer, ChildSa child)
    {
        var p = child.Parameters;
        writer.UInt64(p.Id.Value);
        writer.UInt64(p.IkeSa.Value);
        writer.Text(p.Connection.Value);
        writer.Text(p.Child.Value);
        writer.UInt32(p.InboundSpi.Value);
        writer.UInt32(p.OutboundSpi.Value);
        writer.Address(p.LocalAddress);
        writer.Address(p.RemoteAddress);
        writer.Bool(p.Encapsulation is not null);
        writer.UInt16(p.Encapsulation?.LocalPort ?? 0);
        writer.UInt16(p.Encapsulation?.RemotePort ?? 0);
        writer.Byte((byte)p.Mode);
        writer.UInt16(p.Transforms.Encryption);
        writer.UInt16(p.Transforms.KeyBits);
        writer.UInt16(p.Transforms.Integrity);
        writer.UInt128(p.InboundKey.Value);
        writer.UInt128(p.OutboundKey.Value);
        writer.List(p.LocalSelectors, Write);
        writer.List(p.RemoteSelectors, Write);
        writer.Bool(p.Esn);
        writer.UInt32((uint)p.ReplayWindow);
        writer.UInt64(p.Lifetime.SoftBytes);
        writer.UInt64(p.Lifetime.HardBytes);
        writer.UInt64(p.Lifetime.SoftPackets);
        writer.UInt64(p.Lifetime.HardPackets);
        writer.Bool(p.CopyDf);
        writer.Bool(p.CopyEcn);
        writer.Bool(p.CopyDscpOut);
        writer.Bool(p.CopyDscpIn);
        writer.UInt32(p.IfIdIn);
        writer.UInt32(p.IfIdOut);
        writer.Text(child.Proposal);
        writer.Byte((byte)child.Stage);
        writer.UInt64(child.Replaces?.Value ?? 0);
        writer.Bool(child.OutboundHeld);
        writer.Bool(child.Installed);
    }

    private static ChildSa ReadChild(ref SnapshotReader reader)
    {
        var parameters = new ChildSaParameters
        {
            Id = new ChildSaId(reader.UInt64()),
            IkeSa = new IkeSaId(reader.UInt64()),
            Connection = new ConnectionName(reader.Text()),
            Child = new ChildName(reader.Text()),
            InboundSpi = new Spi(reader.UInt32()),
            OutboundSpi = new Spi(reader.UInt32()),
            LocalAddress = reader.Address(),
            RemoteAddress = reader.Address(),
            Encapsulation = ReadEncapsulation(ref reader),
            Mode = (SaMode)reader.Byte(),
            Transforms = new EspTransforms(reader.UInt16(), reader.UInt16(), reader.UInt16()),
            InboundKey = new KeyHandle(reader.UInt128()),
            OutboundKey = new KeyHandle(reader.UInt128()),
            LocalSelectors = reader.List(ReadSelector),
            RemoteSelectors = reader.List(ReadSelector),
            Esn = reader.Bool(),
            ReplayWindow = (int)reader.UInt32(),
            Lifetime = new SaLifetime(reader.UInt64(), reader.UInt64(), reader.UInt64(), reader.UInt64()),
            CopyDf = reader.Bool(),
            CopyEcn = reader.Bool(),
            CopyDscpOut = reader.Bool(),
            CopyDscpIn = reader.Bool(),
            IfIdIn = reader.UInt32(),
            IfIdOut = reader.UInt32(),
        };
        return new ChildSa(parameters, reader.Text(), (ChildStage)reader.Byte(), reader.UInt64() is var id and not 0 ? new ChildSaId(id) : null, reader.Bool(), reader.Bool());
    }

    private static UdpEncapsulation? ReadEncapsulation(ref SnapshotReader reader)
    {
        var (used, local, remote) = (reader.Bool(), reader.UInt16(), reader.UInt16());
        return used ? new UdpEncapsulation(local, remote) : null;
    }

    private static void Write(SnapshotWriter writer, Proposal proposal)
    {
        writer.Byte(proposal.Number);
        writer.Byte((byte)proposal.Protocol);
        writer.Octets(proposal.Spi);
        writer.List(proposal.Transforms, static (w, t) =>
        {
            w.Byte((byte)t.Type);
            w.UInt16(t.Id);
            w.UInt16(t.KeyBits);
        });
    }

    private static Proposal ReadProposal(ref SnapshotReader reader) => new(
        reader.Byte(), (SaProtocol)reader.Byte(), reader.Octets(), reader.List(static (ref r) => new Transform((TransformType)r.Byte(), r.UInt16(), r.UInt16())));

    private static void Write(SnapshotWriter writer, TrafficSelector selector)
    {
        writer.Address(selector.Start);
        writer.Address(selector.End);
        writer.Byte(selector.Protocol);
        writer.UInt16(selector.StartPort);
        writer.UInt16(selector.EndPort);
    }

    private static TrafficSelector ReadSelector(ref SnapshotReader reader) => new(reader.Address(), reader.Address(), reader.Byte(), reader.UInt16(), reader.UInt16());

    internal static void Write(SnapshotWriter writer, Identity identity)
    {
        writer.Byte((byte)identity.Kind);
        writer.Octets(identity.Data);
    }

    internal static Identity ReadIdentity(ref SnapshotReader reader) => new((IdType)reader.Byte(), reader.Octets());

    private static void WriteName(SnapshotWriter writer, ChildName name) => writer.Text(name.Value);

    private static ChildName ReadName(ref SnapshotReader reader) => new(reader.Text());

    private static void WriteTimer(SnapshotWriter writer, KeyValuePair<TimerId, Timestamp> timer)
    {
        writer.Byte((byte)timer.Key.Kind);
        writer.UInt64(timer.Key.Number);
        writer.UInt64((ulong)timer.Value.Milliseconds);
    }

    private static (TimerId Id, Timestamp At) ReadTimer(ref SnapshotReader reader) =>
        (new TimerId((TimerKind)reader.Byte(), reader.UInt64()), new Timestamp((long)reader.UInt64()));
}
