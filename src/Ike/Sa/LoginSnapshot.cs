using System.Diagnostics;
using Gateway.Crypto;
using Gateway.Ike.Certificates;
using Gateway.Ike.Eap;
using Gateway.Ike.Payloads;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;

namespace Gateway.Ike.Sa;

/// <summary>Authentication that is under way as the vault keeps it. A TLS session is left out: a set-up that was in the middle of one fails, and the peer begins again.</summary>
internal static class LoginSnapshot
{
    public static void Write(SnapshotWriter writer, Login login)
    {
        writer.UInt32((uint)login.OwnRounds);
        writer.UInt32((uint)login.TheirRounds);
        writer.Bool(login.TheyGoOn);
        IkeSaSnapshot.Write(writer, login.OwnId);
        IkeSaSnapshot.Write(writer, login.TheirId);
        writer.List(login.OwnMethods, static (w, m) => w.Text(m));
        writer.List(login.TheirMethods, static (w, m) => w.Text(m));
        writer.Maybe(login.Eap, Write);
        writer.Bool(login.AwaitsEapProof);
        writer.Bool(login.CertificateAsked);
        writer.Octets(login.Authorities);
        writer.Bool(login.EapOnly);
        Write(writer, login.First);
        Write(writer, login.Held);
        writer.Maybe(login.Question, static (w, q) =>
        {
            w.Text(q.Uri);
            w.Octets(q.Body);
        });
        writer.List(login.QuestionChain, static (w, c) => w.Octets(c));
        writer.List(login.Asked, static (w, a) => w.Text(a));
    }

    public static Login Read(ref SnapshotReader reader) => new()
    {
        OwnRounds = (int)reader.UInt32(),
        TheirRounds = (int)reader.UInt32(),
        TheyGoOn = reader.Bool(),
        OwnId = IkeSaSnapshot.ReadIdentity(ref reader),
        TheirId = IkeSaSnapshot.ReadIdentity(ref reader),
        OwnMethods = reader.List(static (ref r) => r.Text()),
        TheirMethods = reader.List(static (ref r) => r.Text()),
        Eap = reader.Maybe(ReadTalk),
        AwaitsEapProof = reader.Bool(),
        CertificateAsked = reader.Bool(),
        Authorities = reader.Octets(),
        EapOnly = reader.Bool(),
        First = ReadPayloads(ref reader),
        Held = ReadPayloads(ref reader),
        Question = reader.Maybe(static (ref r) => new Lookup(r.Text(), r.Octets())),
        QuestionChain = reader.List(static (ref r) => r.Octets()),
        Asked = reader.List(static (ref r) => r.Text()),
    };

    public static void Write(SnapshotWriter writer, AuthenticationRecord record)
    {
        writer.Text(record.Own);
        writer.Text(record.Theirs);
        writer.Maybe(record.EapId, static (w, t) => w.Text(t));
        writer.Maybe(record.Certificate, static (w, c) =>
        {
            w.Text(c.Subject);
            w.Text(c.Issuer);
            w.Text(c.Serial);
            w.UInt64((ulong)c.NotAfter.ToUnixTimeSeconds());
        });
        writer.Maybe(record.PpkId, static (w, t) => w.Text(t));
    }

    public static AuthenticationRecord ReadRecord(ref SnapshotReader reader) => new(
        reader.Text(), reader.Text(), reader.Maybe(static (ref r) => r.Text()),
        reader.Maybe(static (ref r) => new PeerCertificate(r.Text(), r.Text(), r.Text(), Time(r.UInt64()))),
        reader.Maybe(static (ref r) => r.Text()));

    // What is damaged must not throw; the year 9999 ends the calendar.
    private static DateTimeOffset Time(ulong seconds) => DateTimeOffset.FromUnixTimeSeconds((long)Math.Min(seconds, 253_402_300_799));

    private static void Write(SnapshotWriter writer, EapTalk talk)
    {
        writer.Byte(talk.Identifier);
        writer.Maybe(talk.Identity, IkeSaSnapshot.Write);
        writer.Byte((byte)talk.Method);
        writer.List(talk.Others, static (w, m) => w.Byte((byte)m));
        writer.UInt32((uint)talk.Requests);
        switch (talk.Stage)
        {
            case EapStage.Waiting: writer.Byte(1); break;
            case EapStage.AskedIdentity: writer.Byte(2); break;
            case EapStage.Challenged s:
                writer.Byte(3);
                writer.Octets(s.Challenge);
                break;
            case EapStage.Shown s:
                writer.Byte(4);
                writer.Bytes(s.Key.Span);
                writer.Text(s.Expected);
                break;
            case EapStage.Refused s:
                writer.Byte(5);
                writer.Text(s.Reason);
                break;
            case EapStage.Tls: writer.Byte(6); break;
            case EapStage.Answered: writer.Byte(7); break;
            case EapStage.Succeeded s:
                writer.Byte(8);
                writer.Bytes(s.Key is { } key ? key.Span : default);
                break;
            default: throw new UnreachableException();
        }
    }

    private static EapTalk ReadTalk(ref SnapshotReader reader)
    {
        var (identifier, identity, method) = (reader.Byte(), reader.Maybe(IkeSaSnapshot.ReadIdentity), (EapMethod)reader.Byte());
        var (others, requests) = (reader.List(static (ref r) => (EapMethod)r.Byte()), (int)reader.UInt32());
        return new EapTalk { Identifier = identifier, Identity = identity, Method = method, Others = others, Requests = requests, Stage = ReadStage(ref reader) };
    }

    private static EapStage ReadStage(ref SnapshotReader reader)
    {
        switch (reader.Byte())
        {
            case 1: return new EapStage.Waiting();
            case 2: return new EapStage.AskedIdentity();
            case 3: return new EapStage.Challenged(reader.Octets());
            case 4:
                var key = Secret.FromBytes(reader.Bytes());
                return new EapStage.Shown(key, reader.Text());
            case 5: return new EapStage.Refused(reader.Text());
            case 6: return new EapStage.Tls(null, default, default);
            case 7: return new EapStage.Answered();
            case 8:
                var msk = reader.Bytes();
                return new EapStage.Succeeded(msk.IsEmpty ? null : Secret.FromBytes(msk));
            default:
                reader.Fail();
                return new EapStage.Waiting();
        }
    }

    // As they were on the wire: the first one's type, and the chain.
    private static void Write(SnapshotWriter writer, ValueList<Payload> payloads)
    {
        var plain = new IkeWriter(1024);
        try
        {
            MessageCodec.WritePayloads(ref plain, payloads);
            writer.Byte((byte)Payload.FirstType(payloads));
            writer.Bytes(plain.Written);
        }
        finally
        {
            plain.Dispose();
        }
    }

    private static ValueList<Payload> ReadPayloads(ref SnapshotReader reader)
    {
        var first = (PayloadType)reader.Byte();
        var content = reader.Bytes();
        if (MessageCodec.TryParsePayloads(first, content, out var payloads, out _)) return payloads;
        reader.Fail();
        return default;
    }
}
