using System.Globalization;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Host.Vici.Views;

/// <summary>IKE messages in the words of strongSwan's log, which people read and scripts look for: <c>parsed IKE_AUTH request 1 [ IDi AUTH SA TSi TSr ]</c>.</summary>
internal static class MessageWords
{
    /// <summary>strongSwan's short names of notifies; the others are called by their RFC's name.</summary>
    private static readonly Dictionary<NotifyType, string> _notifies = new()
    {
        [NotifyType.InvalidSyntax] = "INVAL_SYN",
        [NotifyType.InvalidMessageId] = "INVAL_MID",
        [NotifyType.InvalidSpi] = "INVAL_SPI",
        [NotifyType.NoProposalChosen] = "NO_PROP",
        [NotifyType.InvalidKePayload] = "INVAL_KE",
        [NotifyType.AuthenticationFailed] = "AUTH_FAILED",
        [NotifyType.SinglePairRequired] = "SINGLE_PAIR",
        [NotifyType.NoAdditionalSas] = "NO_ADD_SAS",
        [NotifyType.InternalAddressFailure] = "INT_ADDR_FAIL",
        [NotifyType.FailedCpRequired] = "FAIL_CP_REQ",
        [NotifyType.TsUnacceptable] = "TS_UNACCEPT",
        [NotifyType.InvalidSelectors] = "INVAL_SEL",
        [NotifyType.TemporaryFailure] = "TEMP_FAIL",
        [NotifyType.ChildSaNotFound] = "NO_CHILD_SA",
        [NotifyType.UnacceptableAddresses] = "UNACC_ADDR",
        [NotifyType.UnexpectedNatDetected] = "UNEXP_NAT",
        [NotifyType.InitialContact] = "INIT_CONTACT",
        [NotifyType.NatDetectionSourceIp] = "NATD_S_IP",
        [NotifyType.NatDetectionDestinationIp] = "NATD_D_IP",
        [NotifyType.Cookie] = "COOKIE",
        [NotifyType.UseTransportMode] = "USE_TRANSP",
        [NotifyType.RekeySa] = "REKEY_SA",
        [NotifyType.EspTfcPaddingNotSupported] = "ESP_TFC_PAD_N",
        [NotifyType.NonFirstFragmentsAlso] = "NON_FIRST_FRAG",
        [NotifyType.MobikeSupported] = "MOBIKE_SUP",
        [NotifyType.AdditionalIp4Address] = "ADD_4_ADDR",
        [NotifyType.AdditionalIp6Address] = "ADD_6_ADDR",
        [NotifyType.NoAdditionalAddresses] = "NO_ADD_ADDR",
        [NotifyType.UpdateSaAddresses] = "UPD_SA_ADDR",
        [NotifyType.Cookie2] = "COOKIE2",
        [NotifyType.NoNatsAllowed] = "NO_NATS",
        [NotifyType.AuthLifetime] = "AUTH_LFT",
        [NotifyType.MultipleAuthSupported] = "MULT_AUTH",
        [NotifyType.AnotherAuthFollows] = "AUTH_FOLLOWS",
        [NotifyType.RedirectSupported] = "REDIR_SUP",
        [NotifyType.EapOnlyAuthentication] = "EAP_ONLY",
        [NotifyType.ChildlessIkev2Supported] = "CHDLESS_SUP",
        [NotifyType.Ikev2MessageIdSyncSupported] = "MSG_ID_SYN_SUP",
        [NotifyType.FragmentationSupported] = "FRAG_SUP",
        [NotifyType.SignatureHashAlgorithms] = "HASH_ALG",
        [NotifyType.UsePpk] = "USE_PPK",
        [NotifyType.PpkIdentity] = "PPK_ID",
        [NotifyType.NoPpkAuth] = "NO_PPK",
    };

    public static string Of(MessageTrace trace) => trace switch
    {
        MessageTrace.Whole whole => Whole(whole.Received, whole.Exchange, whole.IsRequest, whole.Id, whole.Payloads),
        MessageTrace.Fragment { IsComplete: true } last => $"received fragment #{last.Number} of {last.Total}, reassembled fragmented IKE message",
        MessageTrace.Fragment part => $"received fragment #{part.Number} of {part.Total}, waiting for complete IKE message",
        MessageTrace.Split split => $"splitting IKE message ({split.Octets} bytes) into {split.Fragments} fragments",
        MessageTrace.SentAgain again => $"retransmit {again.Time} of request with message ID {again.Id}",
        MessageTrace.AnsweredAgain again => $"received retransmit of request with ID {again.Id}, retransmitting response",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>A message that nothing protects, as it is on the wire; null for all others.</summary>
    public static string? OfClear(ReadOnlySpan<byte> datagram, bool received) => MessageCodec.TryParse(datagram, out var message, out _) && !message.IsProtected
        ? Whole(received, message.Header.Exchange, message.Header.IsRequest, message.Header.MessageId, message.Payloads)
        : null;

    private static string Whole(bool received, ExchangeType exchange, bool isRequest, MessageId id, ValueList<Payload> payloads) =>
        $"{(received ? "parsed" : "generating")} {Of(exchange)} {(isRequest ? "request" : "response")} {id} [ {string.Concat(payloads.Select(p => Of(p) + " "))}]";

    private static string Of(ExchangeType exchange) => exchange switch
    {
        ExchangeType.IkeSaInit => "IKE_SA_INIT",
        ExchangeType.IkeAuth => "IKE_AUTH",
        ExchangeType.CreateChildSa => "CREATE_CHILD_SA",
        ExchangeType.Informational => "INFORMATIONAL",
        var other => FactWords.Notify(System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(other.ToString())),
    };

    private static string Of(Payload payload) => payload switch
    {
        NotifyPayload notify => $"N({_notifies.GetValueOrDefault(notify.Notify) ?? FactWords.Notify(System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(notify.Notify.ToString()))})",
        ConfigurationPayload configuration => configuration.Kind switch { ConfigurationKind.Request => "CPRQ", ConfigurationKind.Reply => "CPRP", ConfigurationKind.Set => "CPS", _ => "CPA" },
        EapPayload { Code: var code } => code switch { EapCode.Request => "EAP/REQ", EapCode.Response => "EAP/RES", EapCode.Success => "EAP/SUCC", _ => "EAP/FAIL" },
        _ => payload.Type switch
        {
            PayloadType.SecurityAssociation => "SA",
            PayloadType.KeyExchange => "KE",
            PayloadType.IdInitiator => "IDi",
            PayloadType.IdResponder => "IDr",
            PayloadType.Certificate => "CERT",
            PayloadType.CertificateRequest => "CERTREQ",
            PayloadType.Authentication => "AUTH",
            PayloadType.Nonce => "No",
            PayloadType.Delete => "D",
            PayloadType.VendorId => "V",
            PayloadType.TrafficSelectorInitiator => "TSi",
            PayloadType.TrafficSelectorResponder => "TSr",
            var other => ((byte)other).ToString(CultureInfo.InvariantCulture),
        },
    };
}
