package sheet

import (
	"cmp"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// The languages of titles.
const (
	English = "en"
	Chinese = "zh"
)

// Style is how rows are written.
type Style struct {
	Zone     *time.Location // of local dates; nil: core.VendorZone
	Language string         // English, "", or Chinese

	// Excel is for a CSV that a spreadsheet opens by a double click: it begins with a byte
	// order mark, and see Cell.
	Excel bool

	// Values translate the values of columns, by the columns' names. A column with the
	// translation, NAME_text, follows the column itself.
	Values map[string]func(value string) string
}

func (s Style) zone() *time.Location { return cmp.Or(s.Zone, core.VendorZone) }

// column is a column of a sheet: one of the record's, or one that follows from it.
type column struct {
	core.Column
	from int                 // the index of the record's cell
	text func(string) string // of the cell; nil: as it is
}

func (c *column) cell(cells []string) string {
	if c.text == nil {
		return cells[c.from]
	}
	return c.text(cells[c.from])
}

// columns returns the columns of a sheet for those of a record: after each a column with
// the translation of its value, if there is one, and, with dates, after a moment's its
// local date.
func (s Style) columns(record []core.Column, dates bool) []column {
	var all []column
	for i, c := range record {
		all = append(all, column{Column: c, from: i})
		if translate := s.Values[c.Name]; translate != nil {
			all = append(all, column{core.Column{Name: c.Name + "_text"}, i, translate})
		}
		if dates && c.Date != "" {
			all = append(all, column{core.Column{Name: c.Date, Kind: core.ColumnDate}, i, func(text string) string { return s.Date(c.Kind, text) }})
		}
	}
	return all
}

// Date returns the local date of a moment, as 2026-11-22: that of the last day of a period
// if the moment is a ColumnEnd. Any other text has none.
func (s Style) Date(kind core.ColumnKind, text string) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return ""
	}
	if kind == core.ColumnEnd {
		at = at.Add(-1)
	}
	return at.In(s.zone()).Format(time.DateOnly)
}

// ZoneName is the zone as titles name it: its offset from UTC, as UTC+08:00, or where the
// offset changes during the year its own name.
func (s Style) ZoneName() string {
	winter := time.Date(2026, time.January, 1, 0, 0, 0, 0, s.zone())
	if _, a := winter.Zone(); a == offset(winter.AddDate(0, 6, 0)) {
		return "UTC" + winter.Format("-07:00")
	}
	return s.zone().String()
}

func offset(at time.Time) int {
	_, seconds := at.Zone()
	return seconds
}

// Time returns a moment as a workbook's texts write it, with its zone.
func (s Style) Time(at time.Time) string {
	return at.In(s.zone()).Format(time.DateTime) + " (" + s.ZoneName() + ")"
}

// Title returns the title of a column in the style's language: a name of a column that has
// no title is its own.
func (s Style) Title(name string) string {
	if s.Language == Chinese {
		return cmp.Or(chinese[name], name)
	}
	words := strings.Split(strings.TrimSuffix(name, "_text"), "_")
	for i, word := range words {
		if word == "id" || word == "crm" {
			words[i] = strings.ToUpper(word)
		}
	}
	words[0] = strings.ToUpper(words[0][:1]) + words[0][1:]
	return strings.Join(words, " ")
}

// BookTitle returns the title of a workbook's column: that of a moment names the zone.
func (s Style) BookTitle(c core.Column) string {
	switch {
	case c.Kind == core.ColumnEnd && c.Date != "":
		return s.Title(c.Date) + " (" + s.ZoneName() + ")"
	case c.Kind == core.ColumnTime, c.Kind == core.ColumnEnd:
		name := c.Name
		if s.Language != Chinese {
			name = strings.TrimSuffix(name, "_at")
		}
		return s.Title(name) + " (" + s.ZoneName() + ")"
	}
	return s.Title(c.Name)
}

// chinese are the titles of columns, and of facts about a list or a run, by their names.
var chinese = map[string]string{
	"provider": "云厂商", "account": "账号", "customer_id": "客户 ID", "name": "客户名称", "email": "邮箱", "mobile": "手机号",
	"remark": "备注", "type": "客户类型", "identity": "实名认证", "allocated": "信用额度", "remaining": "可用额度", "used": "已用额度",
	"currency": "币种", "status": "状态代码", "status_text": "状态", "forced": "强制停服",
	"associated_at": "关联时间", "associated_date": "关联日期", "nearest_expiry": "最近到期时间", "nearest_expiry_date": "最近到期日期",
	"voucher_remaining": "代金券余额", "voucher_expiry": "代金券到期时间", "voucher_expiry_date": "代金券到期日期",
	"owner": "负责人", "crm_id": "CRM ID", "read_late": "补采时间",

	"reseller_id": "经销商 ID", "reseller_name": "经销商名称", "tag_type": "标签类型", "tag_value": "新客标签",
	"effective_month": "生效月份", "expire_month": "失效月份", "expires_at": "失效时间", "valid_until": "有效期至", "days_left": "剩余天数",
	"account_name": "客户账号名", "label": "客户标签", "association": "关联类型",

	"function": "查询", "kind": "告警代码", "kind_text": "告警", "severity": "级别代码", "severity_text": "级别",
	"since": "开始时间", "since_date": "开始日期", "vouchers": "代金券余额", "threshold": "预警线", "expires": "到期时间",
	"previous_status": "原状态", "muted_until": "静音结束时间", "mute_until": "静音至", "seen": "本次读到",
	"change": "变化代码", "change_text": "变化", "field": "字段", "before": "变化前", "after": "变化后",
	"day": "日期", "run": "批次", "as_of": "采集时间", "as_of_date": "采集日期", "state": "批次状态", "detail": "说明", "alerts": "告警",

	"fact": "项目", "complete": "完整", "stopped": "中止原因", "proven": "已证明完整", "previous": "对比的批次", "count": "客户数",
	"total": "云厂商计数", "query": "查询条件", "value": "值", "missing_ids": "未返回的客户 ID", "warnings": "警告", "next": "续读游标", "customers": "客户数",
	"by_status": "按状态", "changes": "变化数", "open": "未解除的告警", "muted": "静音客户数", "version": "版本",
	"cut": "被截断的单元格数",
}
