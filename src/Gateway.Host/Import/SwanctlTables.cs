using static Gateway.Host.Import.Loss;
using static Gateway.Host.Import.ValueForm;

namespace Gateway.Host.Import;

/// <summary>Every key of swanctl.conf(5), one row each: where it goes, or what is different without it.</summary>
internal static class SwanctlTables
{
    private static readonly string[] _no = ["no", "0", "false", "disabled"];
    private static readonly string[] _yes = ["yes", "1", "true", "enabled"];
    private static readonly string[] _zero = ["0", "0s", "0m", "0h", "0d"];

    public static IReadOnlyList<SwanctlRule> Connection { get; } =
    [
        Carried("local_addrs", List),
        Carried("remote_addrs", List),
        Carried("local_port", Number),
        Carried("remote_port", Number),
        Carried("proposals", Proposals),
        Carried("encap", YesNo),
        Carried("mobike", YesNo),
        Carried("fragmentation", Word, new() { ["yes"] = "yes", ["no"] = "no", ["accept"] = "accept", ["force"] = "force" }),
        Carried("dpd_delay", Duration),
        Carried("keyingtries", Number),
        Carried("unique", Word, new() { ["no"] = "no", ["never"] = "never", ["keep"] = "keep", ["replace"] = "replace" }),
        Carried("rekey_time", Duration),
        Carried("over_time", Duration),
        Carried("rand_time", Duration),
        Lost("version", None, "a connection for both IKE versions takes IKEv2 only", ["2"]),
        Carried("vips", List),
        Carried("pools", List),
        Lost("aggressive", None, "concerns IKEv1 only", _no),
        Lost("pull", None, "concerns IKEv1 only", _yes),
        Lost("dpd_timeout", None, "concerns IKEv1 only; IKEv2 gives up by retransmission", _zero),
        Carried("dscp", Text),
        Carried("childless", Word, new() { ["allow"] = "allow", ["prefer"] = "prefer", ["force"] = "force", ["never"] = "never" }),
        Carried("send_certreq", YesNo),
        Carried("send_cert", Word, new() { ["ifasked"] = "ifasked", ["always"] = "always", ["yes"] = "always", ["never"] = "never", ["no"] = "never" }),
        Lost("ocsp", None, "OCSP responses are asked for by the gateway itself, not sent in IKE"),
        Carried("ppk_id", Text),
        Carried("ppk_required", YesNo),
        Carried("reauth_time", Duration),
        Carried("if_id_in", InterfaceId),
        Carried("if_id_out", InterfaceId),
        Lost("mediation*", Whole, "the mediation extension is not supported", _no),
        Lost("mediated_by", Whole, "the mediation extension is not supported"),
    ];

    public static IReadOnlyList<SwanctlRule> Child { get; } =
    [
        Carried("local_ts", Selectors),
        Carried("remote_ts", Selectors),
        Carried("esp_proposals", Proposals),
        Carried("rekey_time", Duration),
        Carried("life_time", Duration),
        Carried("rand_time", Duration),
        Carried("rekey_bytes", Bytes),
        Carried("life_bytes", Bytes),
        Carried("rekey_packets", Number),
        Carried("life_packets", Number),
        Carried("replay_window", Number),
        Carried("copy_df", YesNo),
        Carried("copy_ecn", YesNo),
        Carried("start_action", Word, new() { ["none"] = "none", ["start"] = "start", ["trap"] = "trap", ["trap|start"] = "trap-start", ["start|trap"] = "trap-start" }),
        Carried("dpd_action", Word, new() { ["clear"] = "clear", ["none"] = "clear", ["trap"] = "trap", ["hold"] = "trap", ["restart"] = "start", ["start"] = "start" }),
        Carried("close_action", Word, new() { ["none"] = "none", ["clear"] = "none", ["trap"] = "trap", ["hold"] = "trap", ["start"] = "start", ["restart"] = "start" }),
        Carried("mode", Word, new() { ["tunnel"] = "tunnel", ["transport"] = "transport" }),
        Lost("ah_proposals", Whole, "AH is not supported"),
        Lost("sha256_96", Whole, "HMAC-SHA-256 truncated to 96 bits is not supported", _no),
        Carried("rand_bytes", Bytes),
        Carried("rand_packets", Number),
        Lost("updown", Partial, "no script is called; follow the journal's events instead"),
        Lost("hostaccess", Partial, "concerns the updown script only", _no),
        Lost("policies", Whole, "a child without policies is not supported", _yes),
        Lost("policies_fwd_out", None, "policies cover forwarded packets anyway", _no),
        Lost("ipcomp", Partial, "packets are not compressed", _no),
        Carried("inactivity", Duration),
        Lost("reqid", None, "a number of the Linux kernel's policies", ["0"]),
        Lost("priority", Partial, "the order of policies follows the size of their selectors", ["0"]),
        Lost("interface", Whole, "its policies would apply to all interfaces"),
        Lost("mark_in_sa", Partial, "packets carry no marks here", _no),
        Lost("mark_in", Whole, "its policies would apply to packets with any mark", ["0", "0/0x00000000"]),
        Lost("mark_out", Whole, "its policies would apply to packets with any mark", ["0", "0/0x00000000"]),
        Lost("set_mark_in", Partial, "packets carry no marks here", ["0", "0/0x00000000"]),
        Lost("set_mark_out", Partial, "packets carry no marks here", ["0", "0/0x00000000"]),
        Carried("if_id_in", InterfaceId),
        Carried("if_id_out", InterfaceId),
        Lost("label", Whole, "security labels are not supported"),
        Lost("label_mode", None, "concerns security labels only", ["system"]),
        Lost("tfc_padding", Partial, "packets are not padded against traffic analysis", ["0"]),
        Lost("hw_offload", None, "a matter of the Linux kernel's SAs", ["no", "auto"]),
        Carried("copy_dscp", Word, new() { ["out"] = "out", ["in"] = "in", ["yes"] = "yes", ["no"] = "no" }),
    ];

    public static IReadOnlyList<SwanctlRule> Pool { get; } =
    [
        Carried("addrs", Text),
        Carried("dns", List),
        Carried("nbns", List),
        Carried("dhcp", List),
        Carried("netmask", List),
        Carried("subnet", List),
        Carried("split_include", List),
        Carried("split_exclude", List),
        Lost("server", Partial, "clients of IKEv2 have no use for it"),
    ];

    /// <summary>Of a child that is not protected (<c>mode = pass</c> or <c>drop</c>), only these say anything.</summary>
    public static IReadOnlyList<string> ShuntKeys { get; } = ["local_ts", "remote_ts", "mode", "start_action", "priority", "interface", "policies_fwd_out", "hw_offload"];

    public static IReadOnlyList<SwanctlRule> LocalRound { get; } =
    [
        Carried("auth", Authentication),
        Carried("id", Text),
        Named("certs", "x509"),
        Named("pubkeys", "pubkey"),
        Carried("eap_id", Text),
        Carried("aaa_id", Text),
        Heeded("round"),
        Lost("cert*", Whole, "certificates are named by 'certs'"),
        Lost("xauth_id", None, "concerns IKEv1 only"),
    ];

    public static IReadOnlyList<SwanctlRule> RemoteRound { get; } =
    [
        Carried("auth", Authentication),
        Carried("id", Text),
        Named("certs", "x509"),
        Named("cacerts", "x509ca"),
        Named("pubkeys", "pubkey"),
        Carried("ca_id", Text),
        Carried("cert_policy", List),
        Carried("revocation", Word, new() { ["strict"] = "strict", ["ifuri"] = "ifuri", ["relaxed"] = "relaxed" }),
        Carried("eap_id", Text),
        Lost("groups", Whole, "membership of groups cannot be asked for"),
        Heeded("round"),
        Lost("cert*", Whole, "certificates are named by 'certs'"),
        Lost("cacert*", Whole, "certificates of authorities are named by 'cacerts'"),
    ];

    /// <summary>Sections of secrets that become items, by the beginning of their names.</summary>
    public static IReadOnlyList<(string Prefix, string Type)> Secrets { get; } = [("ike", "ike"), ("eap", "eap"), ("xauth", "eap"), ("ntlm", "ntlm"), ("ppk", "ppk")];

    /// <summary>Sections that hold the passphrase of a file; they go into what is read from it.</summary>
    public static IReadOnlyList<string> Passphrases { get; } = ["private", "rsa", "ecdsa", "pkcs8", "pkcs12"];

    /// <summary>Kinds of secrets that have no place here, by the beginning of the section's name.</summary>
    public static IReadOnlyList<(string Prefix, string Sentence)> OtherSecrets { get; } =
    [
        ("bliss", "BLISS keys are not carried over"),
        ("token", "keys on tokens are not carried over"),
    ];

    public static IReadOnlyList<SwanctlRule> Authority { get; } =
    [
        Named("cacert", "x509ca"),
        Carried("crl_uris", List),
        Carried("ocsp_uris", List),
        Lost("cert_uri_base", None, "certificates are never looked up by hash and URL"),
        Lost("file", Whole, "the certificate of an authority is named by 'cacert'"),
        Lost("handle", Whole, "certificates on tokens are not carried over"),
        Lost("slot", None, "concerns tokens only"),
        Lost("module", None, "concerns tokens only"),
    ];

    private static SwanctlRule Carried(string key, ValueForm form, Dictionary<string, string>? words = null) =>
        new() { Key = key, Property = key, Form = form, Words = words };

    private static SwanctlRule Named(string key, string folder) => new() { Key = key, Property = key, Form = ValueForm.Files, Folder = folder };

    // Read where the sections are, so that there is nothing to carry over and nothing to report.
    private static SwanctlRule Heeded(string key) => new() { Key = key, IsHeeded = true };

    private static SwanctlRule Lost(string key, Loss loss, string sentence, IReadOnlyList<string>? same = null) =>
        new() { Key = key, Loss = loss, Sentence = sentence, Same = same ?? [] };
}
