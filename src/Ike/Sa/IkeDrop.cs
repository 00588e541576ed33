namespace Gateway.Ike.Sa;

/// <summary>Why a datagram had no effect. Each has a counter and a sentence.</summary>
public enum IkeDrop : byte
{
    None,
    Malformed,
    NotIke,
    UnknownSa,
    WrongSpis,
    NotARequest,
    NoConnection,
    HalfOpenLimit,
    HalfOpenLimitOfSource,
    CookieRequested,
    WrongCookie,
    UnexpectedExchange,
    UnexpectedMessageId,
    OldMessageId,
    NotProtected,
    IntegrityFailed,
    MalformedPayloads,
    Fragment,
    Retransmission,
    AddressMismatch,
    Unanswerable,
    ShuttingDown,
    Fault,
}

/// <summary>What the reasons say to people.</summary>
public static class IkeDrops
{
    private static readonly string[] _sentences = Build(
        (IkeDrop.None, "The datagram was taken."),
        (IkeDrop.Malformed, "The datagram is not a well-formed IKEv2 message."),
        (IkeDrop.NotIke, "The datagram on the NAT traversal port is not IKE."),
        (IkeDrop.UnknownSa, "No IKE SA has the SPI of the message."),
        (IkeDrop.WrongSpis, "The peer's SPI in the message is not that of the IKE SA."),
        (IkeDrop.NotARequest, "A message that would start an IKE SA is not an IKE_SA_INIT request with message id 0."),
        (IkeDrop.NoConnection, "No connection is configured between these addresses."),
        (IkeDrop.HalfOpenLimit, "Too many IKE SAs are half open."),
        (IkeDrop.HalfOpenLimitOfSource, "Too many IKE SAs from this source are half open."),
        (IkeDrop.CookieRequested, "The sender was asked for a cookie first."),
        (IkeDrop.WrongCookie, "The cookie is not one that was given to this sender."),
        (IkeDrop.UnexpectedExchange, "The exchange does not belong in the state of the IKE SA."),
        (IkeDrop.UnexpectedMessageId, "The message id is outside the window."),
        (IkeDrop.OldMessageId, "The message was answered long ago."),
        (IkeDrop.NotProtected, "The message should be encrypted and is not."),
        (IkeDrop.IntegrityFailed, "The message failed its integrity check."),
        (IkeDrop.MalformedPayloads, "The payloads of the message are malformed or do not belong in it."),
        (IkeDrop.Fragment, "The fragment does not fit the message that is being gathered."),
        (IkeDrop.Retransmission, "A retransmitted request was answered again."),
        (IkeDrop.AddressMismatch, "The message came from an address that the IKE SA does not know."),
        (IkeDrop.Unanswerable, "The request could not be answered."),
        (IkeDrop.ShuttingDown, "The engine takes no new IKE SAs any more."),
        (IkeDrop.Fault, "A fault of the gateway's own ended the IKE SA."));

    public static int Count => _sentences.Length;

    public static string Sentence(this IkeDrop reason) => _sentences[(int)reason];

    private static string[] Build(params (IkeDrop Reason, string Sentence)[] rows)
    {
        var table = new string[Enum.GetValues<IkeDrop>().Length];
        foreach (var (reason, sentence) in rows) table[(int)reason] = sentence;
        return table;
    }
}
