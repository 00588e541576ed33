using System.Security.Cryptography;
using System.Text;
using Gateway.Crypto;
using Gateway.Crypto.Eap;
using Gateway.Crypto.Tls;
using Gateway.Ike.Certificates;
using Gateway.Ike.Payloads;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Ike.Eap;

/// <summary>The side that asks: the EAP server within the gateway (RFC 3748 §2, RFC 7296 §2.16).</summary>
internal static class EapServer
{
    // In the order in which they are proposed where the configuration names none.
    private static readonly EapMethod[] _methods = [EapMethod.MsChapV2, EapMethod.Tls, EapMethod.Md5];

    /// <summary>Begins: asks for the identity where the configuration wants one, else with the method itself.</summary>
    public static EapOutcome Begin(EapContext context)
    {
        Span<byte> identifier = stackalloc byte[1];
        context.Scope.Context.Entropy.Fill(identifier);
        ValueList<EapMethod> methods = context.Round.Word.Eap == EapMethod.Any ? _methods.ToValueList() : [context.Round.Word.Eap];
        var talk = new EapTalk { Identifier = identifier[0], Method = methods[0], Others = methods.Skip(1).ToValueList(), Stage = new EapStage.AskedIdentity() };
        return context.Round.EapId is null
            ? BeginMethod(context, talk with { Identity = context.Other })
            : new EapOutcome.Going(EapPackets.Request(talk.Identifier, EapMethod.Identity, []), talk);
    }

    /// <summary>Takes the peer's response.</summary>
    public static EapOutcome Take(EapContext context, EapTalk talk, EapPayload packet)
    {
        if (talk.Stage is EapStage.Tls { IsDone: true, IsJudged: false } waiting) return Judged(context, talk, waiting);
        if (packet.Code != EapCode.Response || packet.Identifier != talk.Identifier) return Fail(talk, "the EAP response does not belong to the request");
        if (talk.Requests > EapTalk.MaxRequests) return Fail(talk, "EAP takes too many requests");
        var method = (EapMethod)packet.EapType;
        if (talk.Stage is EapStage.AskedIdentity) return method == EapMethod.Identity ? TakeIdentity(context, talk, packet) : Fail(talk, "the peer did not tell its EAP identity");
        if (method == EapMethod.Nak) return Declined(context, talk, packet);
        if (method != talk.Method) return Fail(talk, $"the peer answered with EAP method {packet.EapType}, not {(byte)talk.Method}");
        return (talk.Method, talk.Stage) switch
        {
            (EapMethod.Md5, EapStage.Challenged stage) => TakeMd5(context, talk, stage, packet),
            (EapMethod.MsChapV2, EapStage.Challenged stage) => TakeResponse(context, talk, stage, packet),
            (EapMethod.MsChapV2, EapStage.Shown stage) => TakeAcknowledgement(talk, stage, packet),
            (EapMethod.MsChapV2, EapStage.Refused stage) => Fail(talk, stage.Reason),
            (EapMethod.Tls, EapStage.Tls stage) => TakeTls(context, talk, stage, packet),
            _ => Fail(talk, "the EAP response comes at the wrong time"),
        };
    }

    private static EapOutcome TakeIdentity(EapContext context, EapTalk talk, EapPayload packet)
    {
        if (EapPackets.Decode(packet.Data.Span[1..]) is not { } identity) return Fail(talk, "the peer's EAP identity is damaged");
        if (context.Round.EapId!.Match(identity) == 0) return Fail(talk, $"the peer's EAP identity is {identity}, expected is {context.Round.EapId}");
        return BeginMethod(context, talk with { Identity = identity });
    }

    private static EapOutcome BeginMethod(EapContext context, EapTalk talk)
    {
        talk = talk with { Identifier = (byte)(talk.Identifier + 1), Requests = talk.Requests + 1 };
        switch (talk.Method)
        {
            case EapMethod.Tls:
                return Tls(context, talk);
            case EapMethod.Md5:
                var challenge = Challenge(context);
                return Going(talk, [16, .. challenge.Span, .. EapPackets.Encode(context.Own)], new EapStage.Challenged(challenge));
            default:
                challenge = Challenge(context);
                var content = EapPackets.MsChap(EapPackets.MsChapChallenge, talk.Identifier, [16, .. challenge.Span, .. EapPackets.Encode(context.Own)]);
                return Going(talk, content, new EapStage.Challenged(challenge));
        }
    }

    private static EapOutcome Tls(EapContext context, EapTalk talk) =>
        EapTlsFlow.Open(context, server: true, context.Own, out var fault) is { } session
            ? Going(talk, [EapTlsFlow.Start], new EapStage.Tls(session, default, default))
            : Fail(talk, fault!);

    // RFC 3748 §5.3.1: the peer names the methods that it would rather have.
    private static EapOutcome Declined(EapContext context, EapTalk talk, EapPayload packet)
    {
        if (talk.Stage is not (EapStage.Challenged or EapStage.Tls { IsDone: false, Incoming.IsEmpty: true })) return Fail(talk, "the peer declines an EAP method that is under way");
        var wanted = packet.Data.Span[1..].ToArray().Select(m => (EapMethod)m).FirstOrDefault(talk.Others.Contains);
        talk.Release();
        return wanted == EapMethod.Any
            ? Fail(talk, $"the peer declines EAP method {(byte)talk.Method}")
            : BeginMethod(context, talk with { Method = wanted, Others = talk.Others.Where(m => m != wanted).ToValueList() });
    }

    // RFC 1994 §4.1: the hash of identifier, secret and challenge.
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Security", "CA5351", Justification = "RFC 3748 §5.4: EAP-MD5 is made of MD5; it is used only where a connection names it.")]
    private static EapOutcome TakeMd5(EapContext context, EapTalk talk, EapStage.Challenged stage, EapPayload packet)
    {
        if (!EapPackets.TryValue(packet.Data.Span[1..], 16, out var value, out _)) return Fail(talk, "the EAP-MD5 response is damaged");
        using var password = context.Scope.Directory.EapPassword(talk.Identity!, context.Own);
        if (password is null) return Fail(talk, $"there is no EAP secret of {talk.Identity}");
        using var input = Secret.Allocate(1 + password.Length + stage.Challenge.Length, out var octets);
        octets[0] = talk.Identifier;
        password.Span.CopyTo(octets[1..]);
        stage.Challenge.Span.CopyTo(octets[(1 + password.Length)..]);
        return CryptographicOperations.FixedTimeEquals(MD5.HashData(octets), value) ? Succeed(talk, null) : Fail(talk, $"the EAP password of {talk.Identity} is wrong");
    }

    private static EapOutcome TakeResponse(EapContext context, EapTalk talk, EapStage.Challenged stage, EapPayload packet)
    {
        if (!EapPackets.TryMsChap(packet.Data, out var code, out _, out var content) || code != EapPackets.MsChapResponse || !EapPackets.TryValue(content, 49, out var value, out var name))
            return Fail(talk, "the MSCHAPv2 response is damaged");
        // RFC 2759 §4: the name may stand behind a domain, which is not hashed.
        var user = name[(name.LastIndexOf((byte)'\\') + 1)..];
        var identity = EapPackets.Encode(talk.Identity!).AsSpan();
        if (!user.SequenceEqual(identity[(identity.LastIndexOf((byte)'\\') + 1)..])) return Fail(talk, $"the name in MSCHAPv2 is not the EAP identity {talk.Identity}");
        using var hash = context.Scope.Directory.NtHash(talk.Identity!, context.Own);
        if (hash is null) return Refuse(talk, stage, $"there is no EAP secret of {talk.Identity}");
        var (theirs, response) = (value[..16].ToArray(), value.Slice(24, 24).ToArray());
        var expected = MsChapV2.NtResponse(hash.Span, theirs, stage.Challenge.Span, user);
        if (!CryptographicOperations.FixedTimeEquals(expected, response)) return Refuse(talk, stage, $"the EAP password of {talk.Identity} is wrong");
        var proof = MsChapV2.AuthenticatorResponse(hash.Span, response, theirs, stage.Challenge.Span, user);
        talk = talk with { Identifier = (byte)(talk.Identifier + 1), Requests = talk.Requests + 1 };
        var message = EapPackets.MsChap(EapPackets.MsChapSuccess, packet.Identifier, Encoding.ASCII.GetBytes($"{proof} M=Welcome"));
        return Going(talk, message, new EapStage.Shown(MsChapV2.Msk(hash.Span, response), ""));
    }

    // RFC 2759 §6: the peer learns why; it gets no second try.
    private static EapOutcome.Going Refuse(EapTalk talk, EapStage.Challenged stage, string reason)
    {
        var text = $"E=691 R=0 C={Convert.ToHexString(stage.Challenge.Span)} V=3 M=Authentication failed";
        var message = EapPackets.MsChap(EapPackets.MsChapFailure, talk.Identifier, Encoding.ASCII.GetBytes(text));
        return Going(talk with { Identifier = (byte)(talk.Identifier + 1), Requests = talk.Requests + 1 }, message, new EapStage.Refused(reason));
    }

    private static EapOutcome TakeAcknowledgement(EapTalk talk, EapStage.Shown stage, EapPayload packet) =>
        EapPackets.TryMsChap(packet.Data, out var code, out _, out _) && code == EapPackets.MsChapSuccess
            ? Succeed(talk, stage.Key)
            : Fail(talk, "the peer does not accept our proof in MSCHAPv2");

    private static EapOutcome TakeTls(EapContext context, EapTalk talk, EapStage.Tls stage, EapPayload packet)
    {
        if (stage.Session is not { } session) return Fail(talk, "the TLS session was lost");
        if (EapTlsFlow.Read(packet.Data) is not var (flags, records)) return Fail(talk, "the EAP-TLS response is damaged");
        if (!stage.Outgoing.IsEmpty) return records.IsEmpty ? SendTls(talk, stage, isFirst: false) : Fail(talk, "the peer sends TLS records before it has ours");
        if (stage.IsDone) return Finished(talk, stage, session, records);
        if (EapTlsFlow.Gather(stage, records) is not { } gathered) return Fail(talk, "the TLS message is too long");
        if (!EapTlsFlow.IsLast(flags)) return SendTls(talk, gathered, isFirst: false);

        var progress = session.Continue(gathered.Incoming.Span);
        stage = gathered with { Incoming = default };
        if (progress == TlsProgress.Failed) return Fail(talk, $"TLS failed: {session.Failure}");
        if (progress == TlsProgress.Done) return Judged(context, talk, stage with { IsDone = true });
        return SendTls(talk, stage with { Outgoing = session.Drain() }, isFirst: true);
    }

    private static EapOutcome Judged(EapContext context, EapTalk talk, EapStage.Tls stage)
    {
        var session = stage.Session!;
        switch (EapTlsFlow.Judge(context, session, talk.Identity!, out var shown))
        {
            case ChainVerdict.Untrusted no: return Fail(talk, no.Reason);
            case ChainVerdict.Asks asks: return new EapOutcome.Asks(asks.Lookup, talk with { Stage = stage }, shown);
        }

        // RFC 9190 §2.1.1: with TLS 1.3 an octet of zero tells the peer that it is done.
        if (session.IsTls13) session.Write([0]);
        stage = stage with { IsJudged = true, Outgoing = session.Drain() };
        return stage.Outgoing.IsEmpty ? Succeed(talk with { Stage = stage }, EapTlsFlow.Msk(session)) : SendTls(talk, stage, isFirst: true);
    }

    private static EapOutcome Finished(EapTalk talk, EapStage.Tls stage, TlsSession session, Octets records)
    {
        if (!records.IsEmpty && session.Read(records.Span) is null) return Fail(talk, "the peer rejects our certificate in TLS");
        return Succeed(talk, EapTlsFlow.Msk(session));
    }

    private static EapOutcome.Going SendTls(EapTalk talk, EapStage.Tls stage, bool isFirst)
    {
        var (data, next) = EapTlsFlow.Next(stage, isFirst);
        return Going(talk with { Identifier = (byte)(talk.Identifier + 1), Requests = talk.Requests + 1 }, data, next);
    }

    private static EapOutcome.Going Going(EapTalk talk, ReadOnlySpan<byte> data, EapStage stage) =>
        new(EapPackets.Request(talk.Identifier, talk.Method, data), talk with { Stage = stage });

    private static EapOutcome.Success Succeed(EapTalk talk, Secret? key)
    {
        if (talk.Stage is EapStage.Tls) talk.Release();
        return new(EapPackets.Success(talk.Identifier), talk with { Stage = new EapStage.Succeeded(key) });
    }

    private static EapOutcome.Failure Fail(EapTalk talk, string reason)
    {
        talk.Release();
        return new(EapPackets.Failure(talk.Identifier), reason);
    }

    private static Octets Challenge(EapContext context)
    {
        Span<byte> challenge = stackalloc byte[MsChapV2.ChallengeLength];
        context.Scope.Context.Entropy.Fill(challenge);
        return new Octets(challenge);
    }
}
