using Gateway.Host.Import;
using Gateway.Host.Import.Settings;
using Gateway.Host.Vici.Wire;

namespace Gateway.Host.Vici.Handlers;

/// <summary>
/// A connection as swanctl sends it is a section of swanctl.conf whose lists are lists already, so that it is read by the same tables as
/// <c>gateway import swanctl</c>.
/// </summary>
internal static class ConnectionReading
{
    private static readonly Origin _here = new("vici", 0);

    /// <param name="kind">The section of swanctl.conf that it would stand in.</param>
    public static ImportReport Read(string name, ViciSection content, string kind = "connections")
    {
        var root = new SettingsSection("", _here);
        Copy(content, root.Open(kind, _here).Open(name, _here));
        return SwanctlImport.Read(root, SupportedProposals.Check);
    }

    private static void Copy(ViciSection from, SettingsSection to)
    {
        foreach (var entry in from)
        {
            switch (entry)
            {
                case ViciEntry.Value value:
                    to.Set(new Setting(value.Name, value.Text.Length == 0 ? null : value.Text, _here));
                    break;
                case ViciEntry.List list:
                    // Certificates come as what their files hold; they are told by what is loaded.
                    to.Set(new Setting(list.Name, string.Join(",", list.Items.Select(CredentialNames.OrText)), _here));
                    break;
                case ViciEntry.Section section:
                    Copy(section.Content, to.Open(section.Name, _here));
                    break;
            }
        }
    }
}
