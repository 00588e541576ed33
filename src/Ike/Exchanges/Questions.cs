using Gateway.Ike.Certificates;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Policy;

namespace Gateway.Ike.Exchanges;

/// <summary>
/// Questions whose answer a set-up waits for, without holding up any other: the message that raised it is kept, and taken again from the beginning
/// when the answer is there or patience is at an end. So a judgement needs no memory of where it was.
/// </summary>
internal static class Questions
{
    public static Login Ask(Scope scope, Peering peering, Login login, ValueList<Payload> held, Lookup lookup, IReadOnlyList<Certificate> chain)
    {
        scope.Add(new IkeOutput.Ask.Fetch(peering.Id, lookup));
        scope.Set(TimerKind.Patience, scope.Settings.LookupPatience);
        scope.MustStore = true;
        return login with { Held = held, Question = lookup, QuestionChain = chain.Select(c => c.Raw).Distinct().ToValueList() };
    }

    /// <summary>Takes what a place said into what is known; false when it is not the answer that is waited for.</summary>
    public static bool Learn(Scope scope, Login login, IkeInput.Answer.Fetched answer)
    {
        if (login.Question is not { } question || question.Key != answer.Key) return false;
        var chain = new List<Certificate>();
        foreach (var raw in login.QuestionChain.AsSpan())
            if (CertificateReader.TryRead(raw.Span, out var certificate, out _)) chain.Add(certificate);
        RevocationCheck.Learn(question, answer.Content, chain, scope.Directory.Credentials, scope.Directory.Revocation, scope.Directory.TimeOfDay(scope.Now));
        return true;
    }

    /// <summary>The place is not asked again for this message.</summary>
    public static Login Settle(Scope scope, Login login)
    {
        scope.Cancel(TimerKind.Patience);
        scope.MustStore = true;
        return login with { Held = default, Question = null, QuestionChain = default, Asked = login.Asked.Append(login.Question!.Key).ToValueList() };
    }
}
