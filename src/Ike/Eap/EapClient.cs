using System.Security.Cryptography;
using System.Text;
using Gateway.Crypto;
using Gateway.Crypto.Eap;
using Gateway.Crypto.Tls;
using Gateway.Ike.Certificates;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Policy.Items;

namespace Gateway.Ike.Eap;

/// <summary>The side that is asked: the gateway as EAP peer.</summary>
internal static class EapClient
{
    private static readonly EapMethod[] _methods = [EapMethod.MsChapV2, EapMethod.Tls, EapMethod.Md5];

    public static EapTalk Begin(Round round, Identity own) => new() { Identity = round.EapId is { IsAny: false } id ? id : own, Stage = new EapStage.Waiting() };

    /// <summary>Takes the server's packet.</summary>
    public static EapOutcome Take(EapContext context, EapTalk talk, EapPayload packet)
    {
        if (talk.Stage is EapStage.Tls { IsDone: true, IsJudged: false } waiting) return Judged(context, talk, waiting);
        switch (packet.Code)
        {
            case EapCode.Failure: return Fail(talk, talk.Stage is EapStage.Refused refused ? refused.Reason : "the peer refuses us in EAP");
            case EapCode.Success: return Concluded(talk);
            case EapCode.Response: return Fail(talk, "the peer sent an EAP response");
        }

        if (talk.Requests > EapTalk.MaxRequests) return Fail(talk, "EAP takes too many requests");
        talk = talk with { Identifier = packet.Identifier, Requests = talk.Requests + 1 };
        var method = (EapMethod)packet.EapType;
        if (method == EapMethod.Identity) return Answer(talk, method, EapPackets.Encode(talk.Identity!), talk.Stage);
        if (method == EapMethod.Notification) return Answer(talk, method, [], talk.Stage);
        if (talk.Stage is EapStage.Waiting)
        {
            ReadOnlySpan<EapMethod> mine = context.Round.Word.Eap == EapMethod.Any ? _methods : [context.Round.Word.Eap];
            // RFC 3748 §5.3.1: what is not wanted is declined, with what would be.
            if (mine.IndexOf(method) < 0) return Answer(talk, EapMethod.Nak, [.. mine.ToArray().Select(m => (byte)m)], talk.Stage);
            talk = talk with { Method = method };
        }
        else if (method != talk.Method)
        {
            return Fail(talk, "the peer changes the EAP method");
        }

        return (method, talk.Stage) switch
        {
            (EapMethod.Md5, EapStage.Waiting) => Md5(context, talk, packet),
            (EapMethod.MsChapV2, EapStage.Waiting) => Challenged(context, talk, packet),
            (EapMethod.MsChapV2, EapStage.Shown stage) => Proved(talk, stage, packet),
            (EapMethod.Tls, EapStage.Waiting) => Start(context, talk, packet),
            (EapMethod.Tls, EapStage.Tls stage) => TakeTls(context, talk, stage, packet),
            _ => Fail(talk, "the EAP request comes at the wrong time"),
        };
    }

    private static EapOutcome Concluded(EapTalk talk)
    {
        switch (talk.Stage)
        {
            case EapStage.Answered:
                return new EapOutcome.Success(null, talk with { Stage = new EapStage.Succeeded(null) });
            // The server has shown that it knows the password; an empty expectation says that we have seen it.
            case EapStage.Shown { Expected.Length: 0 } shown:
                return new EapOutcome.Success(null, talk with { Stage = new EapStage.Succeeded(shown.Key) });
            case EapStage.Tls { IsDone: true, IsJudged: true, Session: { } session }:
                var key = EapTlsFlow.Msk(session);
                session.Dispose();
                return new EapOutcome.Success(null, talk with { Stage = new EapStage.Succeeded(key) });
            default:
                return Fail(talk, "the peer ends EAP before it is through");
        }
    }

    [System.Diagnostics.CodeAnalysis.SuppressMessage("Security", "CA5351", Justification = "RFC 3748 §5.4: EAP-MD5 is made of MD5; it is used only where a connection or the peer names it.")]
    private static EapOutcome Md5(EapContext context, EapTalk talk, EapPayload packet)
    {
        var data = packet.Data.Span[1..];
        if (data.IsEmpty || !EapPackets.TryValue(data, data[0], out var challenge, out _) || challenge.IsEmpty) return Fail(talk, "the EAP-MD5 challenge is damaged");
        using var password = context.Scope.Directory.EapPassword(talk.Identity!, context.Other);
        if (password is null) return Fail(talk, $"there is no EAP secret of {talk.Identity}");
        using var input = Secret.Allocate(1 + password.Length + challenge.Length, out var octets);
        octets[0] = packet.Identifier;
        password.Span.CopyTo(octets[1..]);
        challenge.CopyTo(octets[(1 + password.Length)..]);
        return Answer(talk, EapMethod.Md5, [16, .. MD5.HashData(octets)], new EapStage.Answered());
    }

    private static EapOutcome Challenged(EapContext context, EapTalk talk, EapPayload packet)
    {
        if (!EapPackets.TryMsChap(packet.Data, out var code, out var identifier, out var content) || code != EapPackets.MsChapChallenge || !EapPackets.TryValue(content, 16, out var theirs, out _))
            return Fail(talk, "the MSCHAPv2 challenge is damaged");
        using var hash = context.Scope.Directory.NtHash(talk.Identity!, context.Other);
        if (hash is null) return Fail(talk, $"there is no EAP secret of {talk.Identity}");
        Span<byte> ours = stackalloc byte[16];
        context.Scope.Context.Entropy.Fill(ours);
        var name = EapPackets.Encode(talk.Identity!);
        var user = name.AsSpan(name.AsSpan().LastIndexOf((byte)'\\') + 1);
        var response = MsChapV2.NtResponse(hash.Span, ours, theirs, user);
        var expected = MsChapV2.AuthenticatorResponse(hash.Span, response, ours, theirs, user);
        var message = EapPackets.MsChap(EapPackets.MsChapResponse, identifier, [49, .. ours, .. new byte[8], .. response, 0, .. name]);
        return Answer(talk, EapMethod.MsChapV2, message, new EapStage.Shown(MsChapV2.Msk(hash.Span, response), expected));
    }

    private static EapOutcome Proved(EapTalk talk, EapStage.Shown stage, EapPayload packet)
    {
        if (!EapPackets.TryMsChap(packet.Data, out var code, out _, out var content)) return Fail(talk, "the MSCHAPv2 packet is damaged");
        if (code == EapPackets.MsChapFailure)
        {
            // draft-kamath-pppext-eap-mschapv2 §2.4: the failure is acknowledged, and EAP ends with the server's word.
            stage.Key.Dispose();
            return Answer(talk, EapMethod.MsChapV2, [EapPackets.MsChapFailure], new EapStage.Refused($"the peer does not take our EAP password of {talk.Identity}"));
        }

        if (code != EapPackets.MsChapSuccess || stage.Expected.Length == 0) return Fail(talk, "the MSCHAPv2 packet comes at the wrong time");
        var said = Encoding.ASCII.GetBytes(stage.Expected);
        if (content.Length < said.Length || !CryptographicOperations.FixedTimeEquals(said, content[..said.Length])) return Fail(talk, "the peer does not know our EAP password");
        return Answer(talk, EapMethod.MsChapV2, [EapPackets.MsChapSuccess], stage with { Expected = "" });
    }

    private static EapOutcome Start(EapContext context, EapTalk talk, EapPayload packet)
    {
        if (EapTlsFlow.Read(packet.Data) is not var (flags, _) || (flags & EapTlsFlow.Start) == 0) return Fail(talk, "EAP-TLS does not begin with a start");
        if (EapTlsFlow.Open(context, server: false, talk.Identity!, out var fault) is not { } session) return Fail(talk, fault!);
        var stage = new EapStage.Tls(session, default, default);
        return session.Continue([]) == TlsProgress.Failed
            ? Fail(talk with { Stage = stage }, $"TLS failed: {session.Failure}")
            : SendTls(talk, stage with { Outgoing = session.Drain() }, isFirst: true);
    }

    private static EapOutcome TakeTls(EapContext context, EapTalk talk, EapStage.Tls stage, EapPayload packet)
    {
        if (stage.Session is not { } session) return Fail(talk, "the TLS session was lost");
        if (EapTlsFlow.Read(packet.Data) is not var (flags, records)) return Fail(talk, "the EAP-TLS request is damaged");
        if (!stage.Outgoing.IsEmpty) return records.IsEmpty ? SendTls(talk, stage, isFirst: false) : Fail(talk, "the peer sends TLS records before it has ours");
        if (EapTlsFlow.Gather(stage, records) is not { } gathered) return Fail(talk, "the TLS message is too long");
        if (!EapTlsFlow.IsLast(flags)) return SendTls(talk, gathered, isFirst: false);

        stage = gathered with { Incoming = default };
        if (stage.IsDone)
        {
            // RFC 9190 §2.1.1: the octet of zero, and what else a server may send after the handshake.
            if (!gathered.Incoming.IsEmpty && session.Read(gathered.Incoming.Span) is null) return Fail(talk, "the peer rejects our certificate in TLS");
            return SendTls(talk, stage, isFirst: true);
        }

        var progress = session.Continue(gathered.Incoming.Span);
        if (progress == TlsProgress.Failed) return Fail(talk, $"TLS failed: {session.Failure}");
        return progress == TlsProgress.Done ? Judged(context, talk, stage with { IsDone = true }) : SendTls(talk, stage with { Outgoing = session.Drain() }, isFirst: true);
    }

    private static EapOutcome Judged(EapContext context, EapTalk talk, EapStage.Tls stage)
    {
        switch (EapTlsFlow.Judge(context, stage.Session!, context.Round.AaaId ?? context.Other, out var shown))
        {
            case ChainVerdict.Untrusted no: return Fail(talk, no.Reason);
            case ChainVerdict.Asks asks: return new EapOutcome.Asks(asks.Lookup, talk with { Stage = stage }, shown);
            default: return SendTls(talk, stage with { IsJudged = true, Outgoing = stage.Session!.Drain() }, isFirst: true);
        }
    }

    private static EapOutcome.Going SendTls(EapTalk talk, EapStage.Tls stage, bool isFirst)
    {
        var (data, next) = EapTlsFlow.Next(stage, isFirst);
        return Answer(talk, EapMethod.Tls, data, next);
    }

    private static EapOutcome.Going Answer(EapTalk talk, EapMethod type, ReadOnlySpan<byte> data, EapStage stage) =>
        new(EapPackets.Response(talk.Identifier, type, data), talk with { Stage = stage });

    private static EapOutcome.Failure Fail(EapTalk talk, string reason)
    {
        talk.Release();
        return new(null, reason);
    }
}
