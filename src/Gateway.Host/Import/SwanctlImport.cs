using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Host.Import.Settings;
using Gateway.Policy.Commands;
using Gateway.Policy.Items;

namespace Gateway.Host.Import;

/// <summary>Reads a strongSwan swanctl.conf, with what it includes and the folders beside it, as items of the gateway.</summary>
public sealed class SwanctlImport
{
    /// <summary>Whether the gateway knows a proposal of the given protocol (<c>ike</c> or <c>esp</c>), with the reason when not.</summary>
    public delegate bool ProposalCheck(string protocol, string proposal, out string reason);

    private readonly List<NotCarriedOver> _lost = [];
    private readonly List<ItemPutRequest> _secrets = [];
    private readonly List<ItemPutRequest> _pools = [];
    private readonly List<ItemPutRequest> _connections = [];
    private readonly List<ItemPutRequest> _policies = [];
    private readonly ProposalCheck _check;
    private readonly SwanctlFolders _folders;
    private readonly List<ItemPutRequest> _authorities = [];

    private SwanctlImport(ProposalCheck check, string? folder)
    {
        _check = check;
        _folders = new SwanctlFolders(folder, (path, matters, sentence) => Lose(path, "", matters, sentence));
    }

    /// <summary>Reads <paramref name="file"/> and keeps the proposals that this gateway can do.</summary>
    public static ImportReport Read(string file) => Read(file, SupportedProposals.Check);

    /// <summary>Reads <paramref name="file"/>; an error in it ends the import with file and line, and changes nothing.</summary>
    public static ImportReport Read(string file, ProposalCheck check)
    {
        var notes = new List<SettingsError>();
        if (SettingsReader.Read(file, notes, out var error) is not { } root || SettingsView.Of(root, notes, out error) is not { } view)
            return new ImportReport { Items = [], NotCarriedOver = [], Error = error!.ToString() };
        var import = new SwanctlImport(check, Path.GetDirectoryName(Path.GetFullPath(file))!);
        foreach (var note in notes) import.Lose("include", note.Origin.ToString(), true, note.Sentence);
        import.ReadFolders(view);
        import.ReadAll(root, view);
        import.ForgetForeignPools();
        return new ImportReport { Items = [.. import._folders.Items.Select(i => Put(i.Value.Kind, i.Key, i.Value.Spec)), .. import._secrets, .. import._authorities, .. import._pools, .. import._connections, .. import._policies], NotCarriedOver = import._lost, Error = null };
    }

    /// <summary>Reads connections that came as sections already, in the form of a swanctl.conf with nothing beside it: its files are names of items.</summary>
    internal static ImportReport Read(SettingsSection root, ProposalCheck check)
    {
        if (SettingsView.Of(root, [], out var error) is not { } view) return new ImportReport { Items = [], NotCarriedOver = [], Error = error!.ToString() };
        var import = new SwanctlImport(check, folder: null);
        import.ReadAll(root, view);
        return new ImportReport { Items = [.. import._secrets, .. import._authorities, .. import._pools, .. import._connections, .. import._policies], NotCarriedOver = import._lost, Error = null };
    }

    private void ReadAll(SettingsSection root, SettingsView view)
    {
        var referred = References(root).Select(name => name.Split('.')[0]).ToHashSet();
        foreach (var value in view.Values) Lose(value.Name, value.Origin.ToString(), true, "swanctl.conf has no such setting here");
        foreach (var section in view.Sections)
        {
            foreach (var stray in section.Values.Where(_ => section.Name is "connections" or "secrets" or "pools" or "authorities"))
                Lose($"{section.Path}.{stray.Name}", stray.Origin.ToString(), true, "swanctl.conf has no such setting here");
            switch (section.Name)
            {
                case "connections":
                    foreach (var connection in section.Sections) ReadConnection(connection);
                    break;
                case "secrets":
                    foreach (var secret in section.Sections) ReadSecret(secret);
                    break;
                case "pools":
                    foreach (var pool in section.Sections) ReadPool(pool);
                    break;
                case "authorities":
                    foreach (var authority in section.Sections) ReadAuthority(authority);
                    break;
                case var name when referred.Contains(name):
                    break; // It stands there to be inherited from.
                default:
                    Lose(section, true, "swanctl.conf has no such section");
                    break;
            }
        }
    }

    private void ReadConnection(SettingsView connection)
    {
        var spec = new JsonObject();
        // swanctl.conf(5), version: 0 takes both versions and initiates with IKEv2; 1 is IKEv1 alone.
        if (connection["version"] == "1")
        {
            Lose(connection, true, "the connection is left out: IKEv1 is not supported");
            return;
        }

        var shunts = connection.Section("children")?.Sections.Where(c => c["mode"] is "pass" or "drop").ToList() ?? [];
        foreach (var shunt in shunts) ReadShunt(connection, shunt);
        var protectedChildren = connection.Section("children")?.Sections.Except(shunts).ToList() ?? [];
        if (shunts.Count > 0 && protectedChildren.Count == 0)
        {
            foreach (var ignored in connection.Values) Lose($"{connection.Path}.{ignored.Name}", ignored.Origin.ToString(), false, "says nothing where all children pass or drop");
            return;
        }

        var whole = ReadValues(connection, SwanctlTables.Connection, "ike", spec);
        whole &= ReadRounds(connection, "local", SwanctlTables.LocalRound, spec);
        whole &= ReadRounds(connection, "remote", SwanctlTables.RemoteRound, spec);
        // swanctl.conf(5), rekey_time: without it, an IKE SA that is authenticated anew is not rekeyed besides.
        if (connection["reauth_time"] is not (null or "0" or "0s") && connection["rekey_time"] is null) spec["rekey_time"] = "0s";
        var children = new JsonObject();
        foreach (var child in protectedChildren) ReadChild(child, children);
        foreach (var stray in connection.Sections.Where(s => s.Name != "children" && !IsRound(s, "local") && !IsRound(s, "remote")))
            Lose(stray, true, "swanctl.conf has no such section");
        if (!whole)
        {
            Lose(connection, true, "the connection is left out for the reasons above");
            return;
        }

        if (protectedChildren.Count > 0 && children.Count == 0)
        {
            Lose(connection, true, "the connection is left out: none of its children can be carried over");
            return;
        }

        if (children.Count > 0) spec["children"] = children;
        _connections.Add(Put("connection", connection.Name, spec));
    }

    private void ReadPool(SettingsView pool)
    {
        var spec = new JsonObject();
        var whole = ReadValues(pool, SwanctlTables.Pool, "ike", spec);
        foreach (var stray in pool.Sections) Lose(stray, true, "swanctl.conf has no such section");
        if (!PoolSpec.TryRange(spec["addrs"]?.GetValue<string>() ?? "", out _))
        {
            Lose($"{pool.Path}.addrs", pool.Origin.ToString(), true, "the pool names no addresses as a prefix or a range");
            whole = false;
        }

        if (whole) _pools.Add(Put("pool", pool.Name, spec));
        else Lose(pool, true, "the pool is left out for the reasons above");
    }

    // strongSwan also looks for pools in databases, with RADIUS and DHCP.
    private void ForgetForeignPools()
    {
        var known = _pools.Select(p => p.Name).ToHashSet();
        for (var i = 0; i < _connections.Count; i++)
        {
            var spec = JsonObject.Create(_connections[i].Spec)!;
            if (spec["pools"] is not JsonArray names) continue;
            foreach (var name in names.Select(n => n!.GetValue<string>()).Where(n => !known.Contains(n)))
                Lose($"connections.{_connections[i].Name}.pools", "", true, $"\"{name}\" is not carried over: no such pool is read from the file");
            spec["pools"] = new JsonArray([.. names.Select(n => n!.GetValue<string>()).Where(known.Contains).Select(n => (JsonNode)n)]);
            _connections[i] = Put("connection", _connections[i].Name, spec);
        }
    }

    private void ReadChild(SettingsView child, JsonObject children)
    {
        var spec = new JsonObject();
        var whole = ReadValues(child, SwanctlTables.Child, "esp", spec);
        foreach (var stray in child.Sections) Lose(stray, true, "swanctl.conf has no such section");
        if (whole) children[child.Name] = spec;
        else Lose(child, true, "the child is left out for the reasons above");
    }

    /// <summary>A child that lets packets pass or drops them is a policy. strongSwan installs it only when started or trapped.</summary>
    private void ReadShunt(SettingsView connection, SettingsView child)
    {
        var action = child["mode"] == "pass" ? "bypass" : "discard";
        if (child["start_action"] is null or "none")
        {
            Lose(child, false, $"left out: without start_action strongSwan does not install a {child["mode"]} policy either");
            return;
        }

        var spec = new JsonObject { ["action"] = action };
        var whole = true;
        foreach (var value in child.Values)
        {
            if (value.Name is "local_ts" or "remote_ts") whole &= ReadValue(child, value, SwanctlTables.Child.First(r => r.Key == value.Name), "esp", spec);
            else if (!SwanctlTables.ShuntKeys.Contains(value.Name)) Lose($"{child.Path}.{value.Name}", value.Origin.ToString(), false, "says nothing for a child that passes or drops");
            else if (value.Name is not ("mode" or "start_action")) whole &= ReadValue(child, value, SwanctlTables.Child.First(r => r.Key == value.Name), "esp", spec);
        }

        foreach (var side in (string[])["local_ts", "remote_ts"])
        {
            // swanctl.conf(5): selectors default to dynamic, the address of the IKE SA, which a policy does not know.
            if (!spec.ContainsKey(side) || spec[side]!.AsArray().Any(t => t!.GetValue<string>().StartsWith("dynamic", StringComparison.Ordinal)))
            {
                Lose($"{child.Path}.{side}", child.Origin.ToString(), true, "a policy needs its selectors written out, not dynamic");
                whole = false;
            }
        }

        if (whole) _policies.Add(Put("policy", $"{connection.Name}-{child.Name}", spec));
        else Lose(child, true, "the policy is left out for the reasons above");
    }

    private bool ReadRounds(SettingsView connection, string side, IReadOnlyList<SwanctlRule> rules, JsonObject spec)
    {
        // swanctl.conf(5): rounds go by their round number, then in the order of the file.
        var rounds = connection.Sections.Where(s => IsRound(s, side)).OrderBy(s => int.TryParse(s["round"], out var n) ? n : 0).ToList();
        if (rounds.Count == 0)
        {
            // swanctl.conf(5): a side without a round uses whatever certificate there is.
            spec[side] = new JsonArray(new JsonObject { ["auth"] = "pubkey" });
            return true;
        }

        var whole = true;
        var array = new JsonArray();
        foreach (var round in rounds)
        {
            var json = new JsonObject { ["auth"] = "pubkey" };
            whole &= ReadValues(round, rules, "ike", json);
            foreach (var section in round.Sections) whole &= ReadCertificate(section, side, json);
            array.Add(json);
        }

        spec[side] = array;
        return whole;
    }

    // swanctl.conf(5): cert<suffix> and cacert<suffix> name one certificate each, beside those of certs and cacerts.
    private bool ReadCertificate(SettingsView section, string side, JsonObject round)
    {
        var property = section.Name.StartsWith("cert", StringComparison.Ordinal) ? "certs" : side == "remote" && section.Name.StartsWith("cacert", StringComparison.Ordinal) ? "cacerts" : null;
        if (property is null)
        {
            Lose(section, true, "swanctl.conf has no such section");
            return true;
        }

        if (section["file"] is not { } file)
        {
            Lose(section, true, "certificates on tokens are not carried over");
            return false;
        }

        if (_folders.Find(property == "certs" ? "x509" : "x509ca", file) is not { } name)
        {
            Lose($"{section.Path}.file", section.Origin.ToString(), true, $"\"{file}\" cannot be read as a certificate");
            return false;
        }

        if (round[property] is not JsonArray names) round[property] = names = [];
        names.Add(name);
        return true;
    }

    private void ReadAuthority(SettingsView authority)
    {
        var spec = new JsonObject();
        if (ReadValues(authority, SwanctlTables.Authority, "ike", spec) && spec.ContainsKey("cacert"))
        {
            spec["cacert"] = spec["cacert"]!.AsArray()[0]!.GetValue<string>();
            _authorities.Add(Put("authority", authority.Name, spec));
        }
        else
        {
            Lose(authority, true, "the authority is left out: its certificate could not be read");
        }
    }

    /// <summary>Files become the items that were read from them.</summary>
    private bool ReadFiles(string path, Setting value, SwanctlRule rule, JsonObject into)
    {
        var names = new JsonArray();
        foreach (var file in SwanctlValue.Split(value.Value!))
        {
            if (_folders.Find(rule.Folder!, file) is { } name) names.Add(name);
            else Lose(path, value.Origin.ToString(), true, $"\"{file}\" cannot be read as something of {rule.Folder}");
        }

        if (names.Count == 0) return false;
        into[rule.Property!] = names;
        return true;
    }

    private void ReadSecret(SettingsView secret)
    {
        if (SwanctlTables.Passphrases.Any(p => secret.Name.StartsWith(p, StringComparison.Ordinal))) return; // It went into what it opens.
        var type = SwanctlTables.Secrets.FirstOrDefault(s => secret.Name.StartsWith(s.Prefix, StringComparison.Ordinal)).Type;
        if (type is null)
        {
            var (prefix, sentence) = SwanctlTables.OtherSecrets.FirstOrDefault(s => secret.Name.StartsWith(s.Prefix, StringComparison.Ordinal));
            Lose(secret, true, prefix is null ? "swanctl.conf has no such kind of secret" : sentence);
            return;
        }

        var value = secret["secret"];
        var ids = new JsonArray();
        foreach (var setting in secret.Values)
        {
            if (setting.Name.StartsWith("id", StringComparison.Ordinal)) ids.Add(setting.Value);
            else if (setting.Name != "secret") Lose($"{secret.Path}.{setting.Name}", setting.Origin.ToString(), true, "swanctl.conf has no such setting here");
        }

        if (value is null)
        {
            Lose(secret, true, "the section holds no secret");
            return;
        }

        // An identity of %any makes it anybody's, which here is said by naming nobody.
        if (ids.Any(i => i!.GetValue<string>() == "%any")) ids.Clear();
        var spec = new JsonObject { ["type"] = type };
        if (ids.Count > 0) spec["ids"] = ids;
        spec["secret"] = value;
        _secrets.Add(Put("secret", secret.Name, spec));
    }

    private bool ReadValues(SettingsView section, IReadOnlyList<SwanctlRule> rules, string protocol, JsonObject into)
    {
        var whole = true;
        foreach (var value in section.Values)
        {
            if (rules.FirstOrDefault(r => r.Matches(value.Name)) is { } rule) whole &= ReadValue(section, value, rule, protocol, into);
            else Lose($"{section.Path}.{value.Name}", value.Origin.ToString(), true, "swanctl.conf has no such setting here");
        }

        return whole;
    }

    /// <summary>False when the section cannot be carried over because of this value.</summary>
    private bool ReadValue(SettingsView section, Setting value, SwanctlRule rule, string protocol, JsonObject into)
    {
        var path = $"{section.Path}.{value.Name}";
        if (rule.Property is null)
        {
            if (rule.IsHeeded || rule.Same.Contains(value.Value, StringComparer.OrdinalIgnoreCase)) return true;
            Lose(path, value.Origin.ToString(), rule.Loss != Loss.None, $"\"{value.Value}\" is not carried over: {rule.Sentence}");
            return rule.Loss != Loss.Whole;
        }

        if (rule.Form == ValueForm.Files) return ReadFiles(path, value, rule, into);
        if (rule.Form == ValueForm.Proposals) return ReadProposals(path, value, rule, protocol, into);
        if (SwanctlValue.ToJson(value.Value!, rule) is { } json)
        {
            into[rule.Property] = json;
            return true;
        }

        Lose(path, value.Origin.ToString(), true, $"\"{value.Value}\" cannot be read as {SwanctlValue.Describe(rule)}");
        return false;
    }

    /// <summary>Proposals that the gateway does not know are named and left out; the section stays as long as one is left.</summary>
    private bool ReadProposals(string path, Setting value, SwanctlRule rule, string protocol, JsonObject into)
    {
        var kept = new JsonArray();
        foreach (var proposal in SwanctlValue.Split(value.Value!))
        {
            if (_check(protocol, proposal, out var reason)) kept.Add(proposal);
            else Lose(path, value.Origin.ToString(), true, $"\"{proposal}\" is left out: {reason}");
        }

        if (kept.Count == 0) return false;
        into[rule.Property!] = kept;
        return true;
    }

    private void ReadFolders(SettingsView view)
    {
        var sections = view.Section("secrets")?.Sections.Where(s => SwanctlTables.Passphrases.Any(p => s.Name.StartsWith(p, StringComparison.Ordinal))).ToList() ?? [];
        _folders.Read(file => sections.Find(s => s["file"] == file)?["secret"]);
    }

    private void Lose(SettingsView section, bool matters, string sentence) => Lose(section.Path, section.Origin.ToString(), matters, sentence);

    private void Lose(string path, string where, bool matters, string sentence) => _lost.Add(new NotCarriedOver(path, where, matters, sentence));

    private static bool IsRound(SettingsView section, string side) => section.Name.StartsWith(side, StringComparison.Ordinal);

    private static ItemPutRequest Put(string kind, string name, JsonObject spec) => new(kind, name, JsonSerializer.SerializeToElement(spec));

    private static IEnumerable<string> References(SettingsSection section) => section.References.Select(r => r.Name).Concat(section.Sections.SelectMany(References));
}
